import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { identityFront } from "../endpoint/identity-front.ts";
import { sleepFor } from "../runner/clock.ts";
import { stateOf } from "../runner/identity.ts";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { LOGS } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const WARNING =
  /WARNING - .*\/mnt\/efs.*no fresh credentials from the role of this instance.*access ends at (\S+Z)/g;

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first } = endpoint;
    const watchdog = await product.startWatchdog();
    const front = await identityFront(guest);
    front.giveRole();
    await mount(guest, `${first.id}:/`, "tls,iam");
    const { certificateCreationTime } = stateOf(guest);
    const end = (front.admitted.at(-1)?.createdAt.getTime() ?? 0) + 3 * 3_600_000;
    const log = () => readFileSync(join(LOGS, "mount-watchdog.log"), "utf8");

    // The role is taken from the instance.
    endpoint.metadata.role = undefined;
    await sleepFor(guest, 65);
    await guest.eventually("it is warned of", () => log().match(WARNING), 20_000);
    // It is tried again and again, and said once.
    const asked = () =>
      endpoint.metadata.requests.filter((each) => each.includes("security-credentials")).length;
    const before = asked();
    await guest.eventually("it is tried again", () => asked() > before, 30_000);
    const warnings = [...log().matchAll(WARNING)];
    assert.equal(warnings.length, 1, log());
    assert.equal(Date.parse(warnings[0]?.[1] ?? ""), end, "when access ends is said");
    guest.figure(warnings[0]?.[0] ?? "");
    assert.equal(stateOf(guest).certificateCreationTime, certificateCreationTime);
    assert.ok(watchdog.running);
    // The mount works on with the certificate that it has.
    await leadsTo(guest, first.server.directory);

    front.giveRole();
    await guest.eventually(
      "it is renewed",
      () => stateOf(guest).certificateCreationTime !== certificateCreationTime,
      60_000,
    );
    await guest.eventually("that is said", () => log().includes("has a new certificate after all"));
    front.visits.length = 0;
    front.disconnect();
    await leadsTo(guest, first.server.directory);
    assert.ok((front.admitted[0]?.createdAt.getTime() ?? 0) > end - 3 * 3_600_000);
    await unmount(guest);
  },
  { limitMs: 120_000 },
);
