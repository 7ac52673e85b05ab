import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { controlGroup, MOUNT_UNIT, show } from "../systemd.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const stunnel = product.stunnelOf(MOUNT_POINT);
  const keeper = guest.processes(({ pid }) => pid === stunnel.parent)[0];
  assert.ok(keeper !== undefined && product.tunnelProcesses().some(({ pid }) => pid === keeper.pid));
  for (const { pid, argv } of [keeper, stunnel]) {
    const group = controlGroup(pid);
    guest.figure(`${argv[0]?.split("/").at(-1)}: ${group}`);
    assert.equal(group.includes(MOUNT_UNIT), false, group);
    assert.equal(group.includes(WATCHDOG), false, group);
    const { Description } = await show(guest, group.split("/").at(-1) ?? "", "Description");
    assert.match(Description ?? "", /^EFS tunnel fs-12345678\.mnt\.efs\.\d+$/);
  }

  // One that the watchdog has to build anew does not become part of the watchdog's unit.
  for (const { pid } of [keeper, stunnel]) process.kill(pid, "SIGKILL");
  await guest.write(`${MOUNT_POINT}/hello`, "rebuilt");
  const rebuilt = await guest.eventually("another tunnel", () => {
    const next = product.tunnelProcesses();
    return next.length > 1 && next.every(({ pid }) => pid !== keeper.pid && pid !== stunnel.pid) && next;
  });
  for (const { pid, argv } of rebuilt) {
    const group = controlGroup(pid);
    guest.figure(`${argv[0]?.split("/").at(-1)}, rebuilt: ${group}`);
    assert.equal(group.includes(WATCHDOG), false, group);
    assert.equal(group.includes(MOUNT_UNIT), false, group);
  }
});
