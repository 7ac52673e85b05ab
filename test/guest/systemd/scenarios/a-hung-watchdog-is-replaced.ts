import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { must } from "../../runner/command.ts";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { isActive, show, watchdogPid } from "../systemd.ts";

const DROP_IN = `/run/systemd/system/${WATCHDOG}.d`;

export default scenario(
  async (guest) => {
    const { product } = guest;
    const reload = () => must("systemctl", ["daemon-reload"], { timeoutMs: 60_000 });
    // As the unit has it, but sooner.
    mkdirSync(DROP_IN, { recursive: true });
    writeFileSync(`${DROP_IN}/sooner.conf`, "[Service]\nWatchdogSec=10\nTimeoutStopSec=2\n");
    guest.onEnd(async () => {
      rmSync(DROP_IN, { recursive: true });
      await reload();
    });
    await reload();
    await guest.ok("systemctl", ["restart", WATCHDOG], { timeoutMs: 60_000 });
    const tunnels = product.tunnelProcesses().map(({ pid }) => pid);
    const pid = await watchdogPid(guest);

    // It tells that it is well.
    const heardAt = async () =>
      (await show(guest, WATCHDOG, "WatchdogTimestampMonotonic")).WatchdogTimestampMonotonic;
    const first = await heardAt();
    await guest.eventually("systemd hears from it", async () => (await heardAt()) !== first, 30_000);
    assert.equal(await watchdogPid(guest), pid);

    process.kill(pid, "SIGSTOP");
    const begin = performance.now();
    await guest.eventually(
      "systemd has started another",
      async () => {
        const { MainPID } = await show(guest, WATCHDOG, "MainPID");
        return !["0", String(pid)].includes(MainPID ?? "0") && (await isActive(guest, WATCHDOG));
      },
      60_000,
    );
    guest.figure(
      `another watchdog was ready ${((performance.now() - begin) / 1000).toFixed(1)} s after SIGSTOP`,
    );
    assert.deepEqual(
      product.tunnelProcesses().map((each) => each.pid),
      tunnels,
    );
    await guest.write(`${MOUNT_POINT}/hello`, "kept by the new one");
  },
  { limitMs: 180_000 },
);
