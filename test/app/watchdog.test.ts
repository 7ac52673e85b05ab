import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { processFacts } from "../../src/system/procfs.ts";
import { eventually, kill, Rig } from "./watchdog-rig.ts";

test("a healthy tunnel is left alone, and its state file is not written", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel();
  const before = statSync(tunnel.paths.stateFile);
  const { pid } = tunnel.state();
  await rig.watch();
  rig.mountTableChanged();
  await eventually("it is taken over", () => rig.logged(/1 tunnels, 1 of them running/).length === 1);
  assert.equal(statSync(tunnel.paths.stateFile).mtimeMs, before.mtimeMs);
  assert.equal(tunnel.state().pid, pid);
  assert.notEqual(processFacts(pid), undefined);
});

test("a stunnel that its keeper replaced is recorded at once, with one line that names all", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel({ state: { foreignKey: { kept: true } } });
  await rig.watch();
  const { pid, keeper } = tunnel.state();
  await kill(pid);
  await eventually("the state file names the new stunnel", () => tunnel.state().pid !== pid);
  const after = tunnel.state();
  assert.equal(processFacts(after.pid)?.startTime, after.pidStartTime);
  assert.deepEqual(after.keeper, keeper);
  assert.deepEqual(after.foreignKey, { kept: true });
  const lines = rig.logged(/has taken over/);
  assert.equal(lines.length, 1);
  for (const part of [tunnel.mountPoint, String(pid), String(after.pid)]) assert.ok(lines[0]?.includes(part));
});

test("where the keeper died and stunnel with it, both are started at once on the same port", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel();
  await rig.watch();
  const { pid, keeper } = tunnel.state();
  await kill(keeper?.pid ?? 0);
  await kill(pid);
  await eventually("the state file names the new stunnel", () => tunnel.state().pid !== pid);
  assert.equal(await tunnel.isListening(), true);
  assert.notEqual(tunnel.state().keeper?.pid, keeper?.pid);
  assert.notEqual(processFacts(tunnel.state().keeper?.pid ?? 0), undefined);
});

test("a tunnel ends within a second of its unmount, and nothing of it is left", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel();
  await rig.watch();
  const start = performance.now();
  tunnel.unmount();
  await eventually("its state file is gone", () => !existsSync(tunnel.paths.stateFile));
  const took = performance.now() - start;
  assert.ok(took < 1000, `${took} ms`);
  assert.deepEqual(rig.processes(), []);
  assert.deepEqual(readdirSync(rig.directory), ["watchdog.lock"]);
});

test("a second watchdog of the same directory is refused, and named is the first", async (t) => {
  const rig = new Rig(t);
  await rig.watch();
  await assert.rejects(new Rig(t).watch.call(rig), { kind: "usage", message: new RegExp(`${process.pid}`) });
  assert.equal(JSON.parse(readFileSync(`${rig.directory}/watchdog.lock`, "utf8")).pid, process.pid);
});
