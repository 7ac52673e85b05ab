import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { THIRTY, unitOf } from "../machine.ts";
import { showEach } from "../systemd.ts";

export default scenario(async (guest) => {
  const [begin, end] = ["InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"];
  const units = await showEach(
    guest,
    THIRTY.map(({ path }) => unitOf(path)),
    begin,
    end,
  );
  const seconds = (name: string) => units.map((unit) => Number(unit[name]) / 1e6).filter((time) => time > 0);
  const mounted = seconds(end);
  guest.figure(
    `${mounted.length} of ${THIRTY.length} mounted: the first began after ${Math.min(...seconds(begin)).toFixed(1)} s, ` +
      `the last was done after ${Math.max(...mounted).toFixed(1)} s`,
  );
  for (const line of guest.product.log.split("\n").filter((each) => / - (ERROR|WARNING) - /.test(each)))
    guest.figure(line);
  assert.equal(await guest.ok("systemctl", ["--failed", "--no-legend", "--plain"]), "");
  assert.equal(mounted.length, THIRTY.length);
});
