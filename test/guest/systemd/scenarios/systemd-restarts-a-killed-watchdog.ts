import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { isActive, show, watchdogPid } from "../systemd.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const tunnels = product.tunnelProcesses().map(({ pid }) => pid);
  const before = await watchdogPid(guest);
  const writer = guest.writer(`${MOUNT_POINT}/records`);
  await guest.eventually("the writer writes", async () => (await writer.mark()).total > 20);
  await writer.mark();

  const begin = performance.now();
  process.kill(before, "SIGKILL");
  await guest.eventually(
    "systemd has started another",
    async () => {
      const { MainPID } = await show(guest, WATCHDOG, "MainPID");
      return !["0", String(before)].includes(MainPID ?? "0") && (await isActive(guest, WATCHDOG));
    },
    30_000,
  );
  guest.figure(
    `another watchdog was ready ${((performance.now() - begin) / 1000).toFixed(1)} s after SIGKILL`,
  );

  // The new one has adopted what is there.
  const { longestGapMs } = await writer.mark();
  guest.figure(`the writer's longest wait meanwhile: ${longestGapMs.toFixed(0)} ms`);
  await writer.finish();
  assert.deepEqual(
    product.tunnelProcesses().map(({ pid }) => pid),
    tunnels,
  );
  const stunnel = product.stunnelOf(MOUNT_POINT);
  process.kill(stunnel.parent, "SIGKILL");
  process.kill(stunnel.pid, "SIGKILL");
  await guest.write(`${MOUNT_POINT}/hello`, "kept by the new one");
});
