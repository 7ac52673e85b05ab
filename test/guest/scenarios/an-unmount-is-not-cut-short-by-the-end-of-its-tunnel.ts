import assert from "node:assert/strict";
import { identityFront } from "../endpoint/identity-front.ts";
import { leadsTo, mount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const DELAY_MS = 400;

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const front = await identityFront(guest);
  front.policy.iam = false;
  await mount(guest, `${first.id}:/`, "tls");
  await leadsTo(guest, first.server.directory);

  // The server is far away: the kernel says goodbye to it for a while after the mount is in no table any more.
  front.delayMs = DELAY_MS;
  const { seconds, status } = await guest.run("umount", [MOUNT_POINT], { timeoutMs: 30_000 });
  assert.equal(status, 0);
  guest.figure(`umount with ${2 * DELAY_MS} ms a round trip: ${seconds.toFixed(2)} s`);
  assert.ok(seconds > (2 * DELAY_MS) / 1000, "it did wait for the server");
  await product.gone();
});
