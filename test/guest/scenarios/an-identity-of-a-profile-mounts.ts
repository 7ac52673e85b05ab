import assert from "node:assert/strict";
import { profileText, sessionKeys, userKeys } from "../../fakes/keys.ts";
import { sts } from "../../fakes/sts.ts";
import { identityFront } from "../endpoint/identity-front.ts";
import { awsFiles, stateOf } from "../runner/identity.ts";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

const ROLE = "arn:aws:iam::123456789012:role/files";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const front = await identityFront(guest);
  const [other, team, assumed] = [userKeys("other"), userKeys("team"), sessionKeys("assumed")];
  front.keys.push(other, team, assumed);
  const { url } = await sts(
    { after: (stop) => guest.onEnd(stop) },
    { [ROLE]: { trusts: team.accessKeyId, keys: assumed } },
  );
  awsFiles(guest, {
    credentials: profileText("default", other) + profileText("team", team),
    config: `[profile role]\nrole_arn = ${ROLE}\nsource_profile = team\n`,
  });

  const PROFILES = [
    ["awsprofile=team", team, "credentials:team"],
    ["awsprofile=role", assumed, "named_profile:role"],
  ] as const;
  for (const [option, keys, recorded] of PROFILES) {
    front.visits.length = 0;
    await mount(guest, `${first.id}:/`, `tls,iam,${option}`, { environment: { AWS_ENDPOINT_URL_STS: url } });
    await leadsTo(guest, first.server.directory);
    const who = new Set(front.visits.map(({ client, refused }) => refused ?? client?.accessKeyId));
    assert.deepEqual([...who], [keys.accessKeyId]);
    assert.equal(stateOf(guest).awsCredentialsMethod, recorded);
    await unmount(guest);
  }
});
