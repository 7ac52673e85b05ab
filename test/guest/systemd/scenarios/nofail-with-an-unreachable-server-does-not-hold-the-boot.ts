import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { must } from "../../runner/command.ts";
import { scenario } from "../../runner/scenario.ts";
import { ABSENT, BLACK_HOLE } from "../machine.ts";
import { show, timestamp } from "../systemd.ts";

const UNIT = "mnt-absent.mount";

export default scenario(async (guest) => {
  const { product } = guest;
  // The other scenarios have nothing to do with it.
  guest.onEnd(forget);
  const begun = await timestamp(guest, UNIT, "InactiveExit");
  const over = await timestamp(guest, "multi-user.target", "ActiveEnter");
  guest.figure(`its mount began after ${begun.toFixed(1)} s, the boot was over after ${over.toFixed(1)} s`);
  assert.ok(begun > 0 && over > 0);
  assert.equal((await show(guest, UNIT, "ActiveState")).ActiveState, "activating", "it still tries");

  // Given up by the administrator, it ends soon, says so, and nothing is left of it.
  const begin = performance.now();
  await guest.ok("systemctl", ["stop", UNIT], { timeoutMs: 60_000 });
  guest.figure(`systemctl stop of it: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  const said = product.log.split("\n").filter((line) => / - (ERROR|WARNING) - /.test(line));
  guest.figure(`the log: ${said.join("\n")}`);
  assert.ok(
    said.some((line) => line.includes(BLACK_HOLE.id) || line.includes(ABSENT)),
    "the log names it",
  );
  assert.deepEqual(
    product.traces().filter((trace) => trace.includes(BLACK_HOLE.id)),
    [],
  );
  assert.equal(
    guest.mountTable().some(({ path }) => path === ABSENT),
    false,
  );
});

async function forget(): Promise<void> {
  const lines = readFileSync("/etc/fstab", "utf8").split("\n");
  writeFileSync("/etc/fstab", lines.filter((line) => !line.includes(BLACK_HOLE.id)).join("\n"));
  await must("systemctl", ["daemon-reload"], { timeoutMs: 60_000 });
}
