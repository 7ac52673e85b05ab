import assert from "node:assert/strict";
import { test } from "node:test";
import { watchLifeline } from "../../src/system/lifeline.ts";
import { eventually, kill, Rig } from "../app/watchdog-rig.ts";

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
