import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { journal, show, watchdogPid } from "../systemd.ts";

const CONFIG = "/etc/amazon/efs/efs-utils.conf";

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
  await guest.eventually("the status tells of each tunnel, and that it runs", async () => {
    const tunnels = guest.product.stunnels().length;
    const { StatusText } = await show(guest, WATCHDOG, "StatusText");
    return new RegExp(`^Watching ${tunnels} tunnels?, ${tunnels} of them running$`).test(StatusText ?? "");
  });

  // What somebody should do something about is in the log and in the journal, in the same words.
  const log = () => readFileSync("/var/log/amazon/efs/mount-watchdog.log", "utf8");
  assert.match(log(), /INFO - Watching \S+: \d+ tunnel/);
  const before = readFileSync(CONFIG, "utf8");
  appendFileSync(CONFIG, "[mount-watchdog]\npol_interval_sec = 3\n");
  await guest.ok("systemctl", ["reload", WATCHDOG]);
  const warning = await guest.eventually(
    "a warning in the log",
    () => / - WARNING - (.*pol_interval_sec.*)$/m.exec(log())?.[1],
  );
  await guest.eventually("the same in the journal", async () =>
    (await journal(guest, WATCHDOG)).split("\n").includes(`amazon-efs-mount-watchdog: ${warning}`),
  );
  writeFileSync(CONFIG, before);
  await guest.ok("systemctl", ["reload", WATCHDOG]);
  await guest.eventually("it reads the old one", () => log().split(" was read again").length > 2);
  const said = [...(await journal(guest, WATCHDOG)).matchAll(/^amazon-efs-mount-watchdog: (.*)$/gm)];
  for (const [, text = ""] of said) assert.ok(log().includes(` - ${text}\n`), `only in the journal: ${text}`);
});
