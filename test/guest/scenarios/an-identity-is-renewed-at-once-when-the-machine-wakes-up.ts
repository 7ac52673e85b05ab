import assert from "node:assert/strict";
import { identityFront } from "../endpoint/identity-front.ts";
import { sleepFor } from "../runner/clock.ts";
import { stateOf } from "../runner/identity.ts";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const front = await identityFront(guest);
  front.giveRole();
  await mount(guest, `${first.id}:/`, "tls,iam");
  const { certificateCreationTime } = stateOf(guest);

  // Four hours: the certificate has been worthless for one of them, and the server has hung up.
  await sleepFor(guest, 240);
  const begin = performance.now();
  await guest.eventually(
    "it is renewed",
    () => stateOf(guest).certificateCreationTime !== certificateCreationTime,
    20_000,
  );
  const seconds = (performance.now() - begin) / 1000;
  guest.figure(`renewed ${seconds.toFixed(2)} s after the clock jumped by four hours`);
  assert.ok(seconds < 10, `${seconds} s: no look that comes every 30 s`);
  front.visits.length = 0;
  front.disconnect();
  await leadsTo(guest, first.server.directory);
  assert.ok(front.admitted.length > 0);
  assert.deepEqual(
    front.visits.filter(({ refused }) => refused !== undefined),
    [],
  );
  await unmount(guest);
});
