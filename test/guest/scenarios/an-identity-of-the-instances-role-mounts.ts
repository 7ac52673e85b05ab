import assert from "node:assert/strict";
import { identityFront } from "../endpoint/identity-front.ts";
import { stateOf } from "../runner/identity.ts";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const front = await identityFront(guest);
  const keys = front.giveRole();

  const done = await mount(guest, `${first.id}:/`, "tls,iam");
  guest.figure(`mount -o tls,iam: ${done.seconds.toFixed(2)} s`);
  await leadsTo(guest, first.server.directory);
  assert.ok(front.admitted.length > 0);
  for (const { refused, client } of front.visits) {
    assert.equal(refused, undefined);
    assert.equal(client?.accessKeyId, keys.accessKeyId);
    assert.equal(client?.hostName, "guest");
    assert.equal(client?.accessPoint, undefined);
  }
  assert.equal(stateOf(guest).awsCredentialsMethod, "metadata:");
  // IMDSv2: whoever has not asked for a token gets nothing.
  assert.ok(endpoint.metadata.requests.includes("PUT /latest/api/token"));
  await unmount(guest);
});
