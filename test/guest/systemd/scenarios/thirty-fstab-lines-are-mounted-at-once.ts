import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { THIRTY, unitOf } from "../machine.ts";
import { timestamp } from "../systemd.ts";

export default scenario(async (guest) => {
  const times = { begun: [] as number[], mounted: [] as number[] };
  for (const { path } of THIRTY) {
    times.begun.push(await timestamp(guest, unitOf(path), "InactiveExit"));
    times.mounted.push(await timestamp(guest, unitOf(path), "ActiveEnter"));
  }
  const mounted = times.mounted.filter((seconds) => seconds > 0);
  guest.figure(
    `${mounted.length} of ${THIRTY.length} mounted: the first began after ${Math.min(...times.begun).toFixed(1)} s, ` +
      `the last was done after ${Math.max(...mounted).toFixed(1)} s`,
  );
  const errors = guest.product.log.split("\n").filter((line) => line.includes(" - ERROR - "));
  const kinds = new Map(errors.map((line) => [line.slice(line.indexOf("ERROR")), 0]));
  for (const line of errors) {
    const kind = line.slice(line.indexOf("ERROR"));
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  for (const [kind, count] of kinds) guest.figure(`${count} × ${kind}`);
  assert.equal(await guest.ok("systemctl", ["--failed", "--no-legend", "--plain"]), "");
  assert.equal(mounted.length, THIRTY.length);
});
