import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stunnelOf } from "../../../src/app/tunnel/start.ts";
import { processFacts } from "../../../src/system/procfs.ts";
import { OtherWatchdog, pythonJson } from "../../fakes/other-watchdog.ts";
import { eventually, KEEPER, kill, Rig, type RigTunnel } from "../../support/watchdog-rig.ts";

/** The rig's state directory as a watchdog of another helper's sees it. */
function otherWatchdog(rig: Rig): OtherWatchdog {
  return new OtherWatchdog(rig.directory, (mountPoint) => rig.mounts.has(mountPoint));
}

/** Ends a tunnel's stunnel and waits until the state file names the next one; resolves with its pid. */
async function killStunnel(tunnel: RigTunnel): Promise<number> {
  const { pid } = tunnel.state();
  await kill(pid);
  await eventually("the state file names another stunnel", () => tunnel.state().pid !== pid);
  return tunnel.state().pid;
}

describe("a keeper whose watchdog knows no keepers", { concurrency: 4 }, () => {
  test("a new stunnel is alive for it, and ends with its keeper after the unmount", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const watchdog = otherWatchdog(rig);
    const pid = await killStunnel(tunnel);
    watchdog.round();
    assert.deepEqual(watchdog.started, []);
    await eventually("it is stunnel", () => stunnelOf(tunnel.paths)?.pid === pid);
    tunnel.unmount();
    watchdog.round();
    await eventually("nothing runs any more", () => rig.processes().length === 0);
    assert.equal(await tunnel.isListening(), false);
  });

  test("one that writes the state file after the keeper, with a pid of its own, is put right", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const pid = await killStunnel(tunnel);
    // it had read the state file before, and started a stunnel, which cannot have the port
    writeFileSync(tunnel.paths.stateFile, pythonJson({ ...tunnel.state(), pid: 4_194_303 }));
    await eventually("the state file names the stunnel that runs", () => tunnel.state().pid === pid);
    const watchdog = otherWatchdog(rig);
    watchdog.round();
    assert.deepEqual(watchdog.started, []);
  });

  test("the rest of the state file stays as it is, its mode too, and no file is left beside it", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ state: { unknown: { pid: 7, of: ["}", '"pid": 8'] } } });
    const { mode } = statSync(tunnel.paths.stateFile);
    const before = tunnel.state();
    writeFileSync(tunnel.paths.stateFile, pythonJson(before));
    const pid = await killStunnel(tunnel);
    assert.equal(readFileSync(tunnel.paths.stateFile, "utf8"), pythonJson({ ...before, pid }));
    assert.equal(statSync(tunnel.paths.stateFile).mode, mode);
    const left = () => readdirSync(tunnel.paths.directory).filter((name) => name.startsWith("state"));
    await eventually("no file is left", () => left().length === 0);
  });

  test("a state file that is none is left alone, and the keeper goes on", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const { pid } = tunnel.state();
    const text = '["pid": 5\n{"pid": 6}';
    writeFileSync(tunnel.paths.stateFile, text);
    await kill(pid);
    await eventually("another stunnel runs", () => (stunnelOf(tunnel.paths)?.pid ?? pid) !== pid);
    assert.equal(readFileSync(tunnel.paths.stateFile, "utf8"), text);
  });
});

test("the watchdog tells of a stunnel that the keeper has named before it", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel();
  const pid = await killStunnel(tunnel);
  await rig.watch();
  await eventually("it is told", () => rig.logged(/stunnel ended, \d+ has taken over/).length === 1);
  assert.equal(tunnel.state().pidStartTime, processFacts(pid)?.startTime);
});

/** The pattern in the keeper's own text, by its own shell. */
function pidsReplaced(lines: readonly string[], pid: number): string[] {
  const pattern = readFileSync(KEEPER, "utf8").match(/^(string|before_pid)=.*$/gm);
  const script = `${pattern?.join("\n")}\nexec sed -E "s/$before_pid/\\1${pid}/"`;
  const said = execFileSync("/bin/sh", ["-c", script], { input: lines.map((line) => `${line}\n`).join("") });
  return said.toString("utf8").split("\n").slice(0, -1);
}

test("a keeper replaces the pid of a state file alone, wherever it stands and whatever else is there", () => {
  const word = fc.oneof(fc.constantFrom("pid", '"pid": 1', "{", "}", ",", "\\", '\\"', '"'), fc.string());
  const key = fc.oneof(word, fc.constant("pid"));
  const plain = fc.oneof(word, fc.array(word), fc.integer(), fc.boolean(), fc.constant(null));
  const nested = fc.array(fc.tuple(key, plain)).map((pairs) => Object.fromEntries(pairs));
  const rest = fc.array(
    fc.tuple(
      word.filter((name) => name !== "pid"),
      fc.oneof(plain, nested),
    ),
  );
  const state = fc
    .tuple(rest, fc.integer({ min: -1, max: 4_194_304 }), rest)
    .map(([before, pid, after]) => Object.fromEntries([...before, ["pid", pid], ...after]));
  const states = fc.sample(state, 400);
  for (const format of [JSON.stringify, pythonJson]) {
    const lines = states.map((value) => format(value));
    assert.deepEqual(
      pidsReplaced(lines, 4321),
      states.map((value) => format({ ...value, pid: 4321 })),
    );
  }
});

test("the watchdog tells of a stunnel once, also where the keeper writes over what it has recorded", async (t) => {
  const rig = new Rig(t);
  const tunnel = await rig.tunnel();
  const { pid: first, pidStartTime } = tunnel.state();
  await rig.watch();
  const told = () => rig.logged(/has taken over/);
  const pid = await killStunnel(tunnel);
  await eventually("it is told and recorded", () => {
    const state = tunnel.state();
    return told().length === 1 && state.pid === pid && state.pidStartTime !== pidStartTime;
  });
  // the keeper had read the state file before the watchdog wrote it
  writeFileSync(tunnel.paths.stateFile, pythonJson({ ...tunnel.state(), pidStartTime }));
  await eventually("it is recorded again", () => tunnel.state().pidStartTime !== pidStartTime);
  assert.deepEqual(told().length, 1, told().join("\n"));
  assert.match(told()[0] ?? "", new RegExp(`stunnel ${first} ended, ${pid} has taken over`));
});
