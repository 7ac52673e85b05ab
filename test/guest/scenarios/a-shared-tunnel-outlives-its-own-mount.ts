import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { mountByHand, tunnelByHand } from "../runner/by-hand.ts";
import { kernelClients } from "../runner/proc.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/**
 * The kernel sees that two mounts have the same server and sends the traffic of both through the first one's
 * connection: here the hand-made mount's through our tunnel, which it needs even when our mount is gone.
 */
export default scenario(async (guest) => {
  const { product } = guest;
  const { first } = guest.endpoint;
  product.configure({ poll_interval_sec: "1" });
  await product.startWatchdog();
  await product.mount(first);
  const { pid } = product.stunnelOf(MOUNT_POINT);
  const port = Number(guest.mountAt(MOUNT_POINT).options.get("port"));
  const byHand = await tunnelByHand(guest, first, 20448);
  await mountByHand(guest, byHand.port, "/mnt/by-hand");
  assert.deepEqual(
    kernelClients().map((client) => client.port),
    [port],
    "the mounts share a connection",
  );

  await guest.umount(MOUNT_POINT);
  await sleep(8_000);
  assert.equal(guest.processes((each) => each.pid === pid).length, 1, "the tunnel still runs");
  await guest.write("/mnt/by-hand/hello", "through the other's tunnel");
  assert.equal(await guest.read(`${first.server.directory}/hello`), "through the other's tunnel");

  await guest.umount("/mnt/by-hand");
  await byHand.stop();
  await product.gone();
});
