import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { journal, show, watchdogPid } from "../systemd.ts";

export default scenario(async (guest) => {
  // Nobody enabled the unit: it is the mount at boot that has started it.
  const enabled = await guest.run("systemctl", ["is-enabled", WATCHDOG]);
  assert.equal(enabled.stdout.trim(), "disabled");
  const pid = await watchdogPid(guest);
  const { Type, ActiveState, SubState, NRestarts } = await show(
    guest,
    WATCHDOG,
    "Type",
    "ActiveState",
    "SubState",
    "NRestarts",
  );
  // A service of type notify is active once it has said that it is ready.
  assert.deepEqual(
    { Type, ActiveState, SubState, NRestarts },
    { Type: "notify", ActiveState: "active", SubState: "running", NRestarts: "0" },
  );

  const status = await guest.ok("systemctl", ["--no-pager", "--full", "status", WATCHDOG], {
    env: { ...process.env, SYSTEMD_COLORS: "0" },
  });
  guest.figure(`systemctl status:\n${status.trimEnd()}`);
  assert.match(status, /Active: active \(running\)/);
  assert.match(status, new RegExp(`Main PID: ${pid} `));

  const log = readFileSync("/var/log/amazon/efs/mount-watchdog.log", "utf8");
  assert.match(log, /INFO - Watching \S+: \d+ tunnel/);
  // The journal has no line of the watchdog's that its log has not.
  const said = (await journal(guest, WATCHDOG)).split("\n").filter((line) => / - [A-Z]+ - /.test(line));
  for (const line of said) assert.ok(log.includes(line), `only in the journal: ${line}`);
});
