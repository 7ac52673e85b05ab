import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { isActive, MOUNT_UNIT } from "../systemd.ts";

/** The last one: the guest is switched off after it, which is the yardstick of those that have mounts then. */
export default scenario(async (guest) => {
  const units = [MOUNT_UNIT, "mnt-auto.automount"];
  await guest.ok("systemctl", ["stop", ...units], { timeoutMs: 60_000 });
  assert.deepEqual(guest.nfsMounts(), []);
  await guest.product.gone();
  assert.ok(await isActive(guest, WATCHDOG), "the watchdog waits for the next mount");
});
