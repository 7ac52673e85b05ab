import assert from "node:assert/strict";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  await product.mount(guest.endpoint.first);
  await guest.write(`${MOUNT_POINT}/hello`, "before");
  const { pid } = product.stunnelOf(MOUNT_POINT);
  process.kill(pid, "SIGKILL");
  await guest.write(`${MOUNT_POINT}/hello`, "after");
  assert.equal(await guest.read(`${guest.endpoint.first.server.directory}/hello`), "after");
  assert.notEqual(product.stunnelOf(MOUNT_POINT).pid, pid);

  // A watchdog that comes later finds what was unmounted while none ran.
  await guest.umount(MOUNT_POINT);
  await product.startWatchdog();
  await product.gone();
});
