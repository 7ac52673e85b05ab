import assert from "node:assert/strict";
import { test } from "node:test";
import { watchLifeline } from "../../src/system/lifeline.ts";
import { processFacts } from "../../src/system/procfs.ts";
import { Child } from "../support/children.ts";
import { eventually, kill, Rig } from "../support/watchdog-rig.ts";

test("a keeper's death is an event, and that of its stunnel is none", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel();
  const { pid, keeper } = tunnel.state();
  assert.ok(keeper !== undefined);
  let stop: (() => void) | undefined;
  let deaths = 0;
  await eventually("the lifeline is there", () => {
    stop ??= watchLifeline(keeper, () => (deaths += 1));
    return stop !== undefined;
  });
  await kill(pid);
  await eventually("another stunnel runs", () => rig.processes().length === 2);
  assert.equal(deaths, 0);
  await kill(keeper.pid);
  await eventually("it is heard", () => deaths === 1, 500);
});

test("a stunnel's death is an event too, also when its keeper has died before", async (t) => {
  const rig = new Rig(t);
  const { pid, pidStartTime = 0, keeper } = (await rig.tunnel()).state();
  await kill(keeper?.pid ?? 0);
  let deaths = 0;
  const stop = watchLifeline({ pid, startTime: pidStartTime }, () => (deaths += 1));
  assert.notEqual(stop, undefined);
  await kill(pid);
  await eventually("it is heard", () => deaths === 1);
});

test("the death of a keeper whose shell has made its lifeline of a here-document's file is an event too", async (t) => {
  // so did keepers of earlier versions, with bash up to 5.0
  const script = "exec 4<<-end\n.\nend\nexec 4<>/proc/self/fd/4\necho ready; read -r _";
  const child = new Child(t, "/usr/bin/env", ["BASH_COMPAT=5.0", "/bin/bash", "-c", script]);
  assert.equal(await child.line(), "ready");
  const startTime = processFacts(child.pid)?.startTime ?? 0;
  let deaths = 0;
  assert.notEqual(
    watchLifeline({ pid: child.pid, startTime }, () => (deaths += 1)),
    undefined,
  );
  await child.kill();
  await eventually("it is heard", () => deaths === 1);
});

const strangers: [what: string, opens: string][] = [
  ["one end of a pipe", "exec 4< <(:)"],
  ["a file that is read and written", "exec 4<>/dev/null"],
  ["nothing", ""],
];
for (const [what, opens] of strangers) {
  test(`a stranger that has ${what} where lifelines are has none, and nothing is read there`, async (t) => {
    const child = new Child(t, "/bin/bash", ["-c", `${opens}\necho ready; read -r _`]);
    assert.equal(await child.line(), "ready");
    const startTime = processFacts(child.pid)?.startTime ?? 0;
    assert.equal(
      watchLifeline({ pid: child.pid, startTime }, () => {}),
      undefined,
    );
  });
}

test("who does not listen any more hears nothing, and a dead keeper has no lifeline", async (t) => {
  const rig = new Rig(t);
  const { keeper } = (await rig.tunnel()).state();
  assert.ok(keeper !== undefined);
  let stop: (() => void) | undefined;
  let deaths = 0;
  await eventually("the lifeline is there", () => {
    stop ??= watchLifeline(keeper, () => (deaths += 1));
    return stop !== undefined;
  });
  stop?.();
  await kill(keeper.pid);
  assert.equal(
    watchLifeline(keeper, () => {}),
    undefined,
  );
  assert.equal(
    watchLifeline({ ...keeper, pid: process.pid }, () => {}),
    undefined,
  );
  assert.equal(deaths, 0);
});
