import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { isActive, watchdogPid } from "../systemd.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const tunnels = product.tunnelProcesses().map(({ pid }) => pid);
  const before = await watchdogPid(guest);
  for (const verb of ["reload", "restart"]) {
    const begin = performance.now();
    await guest.ok("systemctl", [verb, WATCHDOG], { timeoutMs: 60_000 });
    guest.figure(`systemctl ${verb}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    assert.ok(await isActive(guest, WATCHDOG));
    await guest.write(`${MOUNT_POINT}/hello`, verb);
    assert.deepEqual(
      product.tunnelProcesses().map(({ pid }) => pid),
      tunnels,
      verb,
    );
    assert.equal((await watchdogPid(guest)) === before, verb === "reload");
  }

  // Stopped, it leaves them alone as well; the next start takes them over again.
  await guest.ok("systemctl", ["stop", WATCHDOG], { timeoutMs: 60_000 });
  assert.deepEqual(
    product.tunnelProcesses().map(({ pid }) => pid),
    tunnels,
  );
  await guest.write(`${MOUNT_POINT}/hello`, "stopped");
  await guest.ok("systemctl", ["start", WATCHDOG], { timeoutMs: 60_000 });
});
