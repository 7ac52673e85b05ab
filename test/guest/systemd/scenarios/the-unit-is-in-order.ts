import assert from "node:assert/strict";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { must } from "../../runner/command.ts";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../machine.ts";
import { watchdogPid } from "../systemd.ts";

const PROBE = "confined-probe.service";

export default scenario(async (guest) => {
  // It sees mounts as the machine does, and keeps none from going.
  const namespace = (pid: number) => readlinkSync(`/proc/${pid}/ns/mnt`);
  assert.equal(namespace(await watchdogPid(guest)), namespace(1));

  // Its tunnels may be in other network namespaces.
  await guest.ok("ip", ["netns", "add", "probe"]);
  guest.onEnd(() => must("ip", ["netns", "del", "probe"]));
  const confined = readFileSync(`/etc/systemd/system/${WATCHDOG}`, "utf8")
    .split("\n")
    .filter((line) => /^(NoNew|Cap|Restrict|Protect|Lock|Keyring|Device|SystemCall)/.test(line));
  writeFileSync(
    `/run/systemd/system/${PROBE}`,
    [
      "[Service]",
      "Type=oneshot",
      ...confined,
      "ExecStart=/usr/bin/nsenter --net=/run/netns/probe /bin/true",
    ].join("\n"),
  );
  await guest.ok("systemctl", ["daemon-reload"], { timeoutMs: 60_000 });
  await guest.ok("systemctl", ["start", PROBE], { timeoutMs: 60_000 });

  const verified = await guest.run(
    "systemd-analyze",
    ["verify", "--man=no", `/etc/systemd/system/${WATCHDOG}`],
    {
      timeoutMs: 60_000,
    },
  );
  assert.deepEqual(
    { status: verified.status, output: `${verified.stdout}${verified.stderr}` },
    { status: 0, output: "" },
  );
  const report = await guest.ok("systemd-analyze", ["--no-pager", "security", WATCHDOG], {
    timeoutMs: 60_000,
  });
  const exposure = /Overall exposure level for \S+ (\d+\.\d) /.exec(report)?.[1];
  guest.figure(report.trim().split("\n").at(-1)?.trim() ?? "");
  // What is left to take away would take its work: the network and its filter, root, other namespaces.
  assert.ok(Number(exposure) <= 5.3, exposure);
  guest.log(report);
});
