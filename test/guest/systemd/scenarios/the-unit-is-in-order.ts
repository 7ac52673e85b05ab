import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { WATCHDOG } from "../systemd.ts";

export default scenario(async (guest) => {
  const verified = await guest.run("systemd-analyze", ["verify", `/etc/systemd/system/${WATCHDOG}`], {
    timeoutMs: 60_000,
  });
  assert.deepEqual(
    { status: verified.status, output: `${verified.stdout}${verified.stderr}` },
    { status: 0, output: "" },
  );
  const report = await guest.ok("systemd-analyze", ["--no-pager", "security", WATCHDOG], {
    timeoutMs: 60_000,
  });
  guest.figure(report.trim().split("\n").at(-1)?.trim() ?? "");
  guest.log(report);
});
