import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { ABSENT, BLACK_HOLE } from "../machine.ts";
import { forgetLine, journal, show, timestamp } from "../systemd.ts";

const UNIT = "mnt-absent.mount";

export default scenario(async (guest) => {
  const { product } = guest;
  // The other scenarios have nothing to do with it.
  guest.onEnd(() => forgetLine(ABSENT));
  const begun = await timestamp(guest, UNIT, "InactiveExit");
  const over = await timestamp(guest, "multi-user.target", "ActiveEnter");
  guest.figure(`its mount began after ${begun.toFixed(1)} s, the boot was over after ${over.toFixed(1)} s`);
  assert.ok(begun > 0 && over > 0);
  assert.equal((await show(guest, UNIT, "ActiveState")).ActiveState, "activating", "it still tries");

  // Given up by the administrator, it ends soon, says so, and nothing is left of it.
  const begin = performance.now();
  await guest.ok("systemctl", ["stop", UNIT], { timeoutMs: 60_000 });
  guest.figure(`systemctl stop of it: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  // systemd waits for mount(8), which it ended, and not for what that ran.
  const said = await guest.eventually("the log names it", () =>
    product.log.split("\n").find((line) => / - ERROR - .*interrupted/.test(line) && line.includes(ABSENT)),
  );
  guest.figure(`the log: ${said}`);
  const message = said.slice(said.indexOf(" - ERROR - ") + " - ERROR - ".length);
  await guest.eventually("the journal has the same", async () =>
    (await journal(guest, UNIT)).includes(message),
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
