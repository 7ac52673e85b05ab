import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { isActive, MOUNT_UNIT } from "../systemd.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { pid } = product.stunnelOf(MOUNT_POINT);
  // Stopping the target stops none of its mounts.
  await guest.ok("systemctl", ["stop", "remote-fs.target"], { timeoutMs: 60_000 });
  await guest.write(`${MOUNT_POINT}/hello`, "without the target");
  assert.equal(product.stunnelOf(MOUNT_POINT).pid, pid);
  await guest.ok("systemctl", ["start", "remote-fs.target"], { timeoutMs: 60_000 });
  assert.equal(product.stunnelOf(MOUNT_POINT).pid, pid);

  // Its start mounts what is not mounted.
  await guest.ok("systemctl", ["stop", "remote-fs.target", MOUNT_UNIT], { timeoutMs: 60_000 });
  await product.gone();
  await guest.ok("systemctl", ["start", "remote-fs.target"], { timeoutMs: 60_000 });
  assert.ok(await isActive(guest, MOUNT_UNIT));
  await guest.write(`${MOUNT_POINT}/hello`, "with the target again");
});
