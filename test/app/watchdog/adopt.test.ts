import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { finishState } from "../../../src/app/watchdog/record.ts";
import { formatState } from "../../../src/core/state/state.ts";
import { ownIdentity, processFacts } from "../../../src/system/procfs.ts";
import { eventually, kill, Rig } from "../../support/watchdog-rig.ts";

/** The identity of a process that has ended. */
const DEAD = { pid: 4_194_303, startTime: 1 };
const HOUR_S = 3600;

/** A process that does nothing, ended with the test. */
function idle(t: { after(action: () => void): void }, ...args: string[]): number {
  const child = spawn(args[0] ?? "sleep", args.length === 0 ? ["60"] : args.slice(1), { stdio: "ignore" });
  t.after(() => void child.kill("SIGKILL"));
  return child.pid ?? 0;
}

function makeOld(...paths: string[]): void {
  const time = Date.now() / 1000 - HOUR_S;
  for (const path of paths) utimesSync(path, time, time);
}

// most of their time is spent waiting for processes
describe("what a watchdog finds", { concurrency: 4 }, () => {
  test("another helper's tunnel is adopted as it is, and gets a keeper when it dies", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "alone" });
    const { pid } = tunnel.state();
    await rig.watch();
    await eventually("its start time is noted", () => tunnel.state().pidStartTime !== undefined);
    assert.equal(tunnel.state().pid, pid);
    assert.equal(tunnel.state().keeper, undefined);
    await kill(pid);
    await eventually("it runs again", () => tunnel.state().keeper !== undefined);
    const after = tunnel.state();
    assert.equal(await tunnel.isListening(), true);
    assert.equal(after.inheritsSocket, true);
    // and from now on it does not need the watchdog for that
    await kill(after.pid);
    await eventually("it runs once more", () => tunnel.state().pid !== after.pid);
    assert.deepEqual(tunnel.state().keeper, after.keeper);
  });

  test("a living stunnel whose keeper died is left alone until it dies too", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await rig.watch();
    const { pid, keeper } = tunnel.state();
    await kill(keeper?.pid ?? 0);
    await eventually("the keeper is no longer named", () => tunnel.state().keeper === undefined);
    assert.equal(tunnel.state().pid, pid);
    await kill(pid);
    await eventually("both run again", () => tunnel.state().keeper !== undefined);
    assert.equal(await tunnel.isListening(), true);
  });

  test("a saved program that is gone, and an option that its successor does not know, are replaced", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no" });
    const config = readFileSync(tunnel.paths.stunnelConfig, "utf8");
    writeFileSync(tunnel.paths.stunnelConfig, `${config}TIMEOUTocsp = 5\n`);
    const cmd = ["/opt/old/stunnel", tunnel.paths.stunnelConfig];
    writeFileSync(tunnel.paths.stateFile, formatState({ ...tunnel.state(), cmd }));
    await rig.watch();
    await eventually("it runs", () => tunnel.state().keeper !== undefined);
    assert.match(tunnel.state().cmd[0] ?? "", /^\/.*bin\/stunnel/);
    assert.equal(tunnel.state().cmd[1], tunnel.paths.stunnelConfig);
    assert.equal(readFileSync(tunnel.paths.stunnelConfig, "utf8"), config);
    assert.equal(rig.logged(/TIMEOUTocsp dropped/).length, 1);
  });

  test("a pid that is somebody else's now is not taken for the tunnel, and gets no signal", async (t) => {
    const rig = new Rig(t);
    const [used, unused] = [idle(t), idle(t)];
    const needed = await rig.tunnel({ runs: "no", state: { pid: used } });
    // an older state file has no start time, a newer one has that of the dead
    const state = { pid: unused, pidStartTime: 5, keeper: { pid: unused, startTime: 5 } };
    const unneeded = await rig.tunnel({ runs: "no", mounted: false, state });
    await rig.watch();
    await eventually("the needed one runs", () => needed.state().pid !== used);
    await eventually("the other one is gone", () => !existsSync(unneeded.paths.stateFile));
    for (const pid of [used, unused]) assert.equal(processFacts(pid)?.argv[0], "sleep");
  });

  test("a process that only has the configuration among its arguments gets no signal", async (t) => {
    const rig = new Rig(t);
    const [running, dead] = [await rig.tunnel(), await rig.tunnel({ runs: "no", mounted: false })];
    const readers = [running, dead].map(({ paths }) => idle(t, "tail", "-f", paths.stunnelConfig));
    await rig.watch();
    running.unmount();
    for (const { paths } of [running, dead])
      await eventually("it is gone", () => !existsSync(paths.stateFile));
    for (const pid of readers) assert.equal(processFacts(pid)?.argv[0], "tail");
  });

  test("files of another tunnel that a state file names are not deleted with it", async (t) => {
    const rig = new Rig(t);
    const other = await rig.tunnel();
    const files = [other.paths.stateFile, other.paths.stunnelConfig, other.paths.directory];
    const tunnel = await rig.tunnel({ mounted: false, state: { files } });
    const extra = `${rig.directory}/${tunnel.base}.extra`;
    writeFileSync(extra, "");
    writeFileSync(tunnel.paths.stateFile, formatState({ ...tunnel.state(), files: [...files, extra] }));
    await rig.watch();
    await eventually("it is gone", () => !existsSync(tunnel.paths.stateFile));
    assert.equal(existsSync(extra), false);
    for (const file of files) assert.equal(existsSync(file), true, file);
  });

  test("a process of a container that has another state directory there is none of ours", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no", mounted: false });
    const config = tunnel.paths.stunnelConfig;
    const script = `mount -t tmpfs t ${rig.directory} && touch ${config} && exec -a stunnel tail -f ${config}`;
    const pid = idle(t, "unshare", "--mount", "bash", "-c", script);
    await eventually("it runs", () => processFacts(pid)?.argv[0] === "stunnel");
    await rig.watch();
    await eventually("the tunnel is gone", () => !existsSync(tunnel.paths.stateFile));
    assert.notEqual(processFacts(pid), undefined);
  });

  test("a process with our state directory in another mount namespace is one of ours", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no", mounted: false });
    const pid = idle(
      t,
      "unshare",
      "--mount",
      "bash",
      "-c",
      `exec -a stunnel tail -f ${tunnel.paths.stunnelConfig}`,
    );
    await eventually("it runs", () => processFacts(pid)?.argv[0] === "stunnel");
    await rig.watch();
    await eventually("the tunnel is gone", () => !existsSync(tunnel.paths.stateFile));
    await eventually("so is the process", () => processFacts(pid) === undefined);
  });

  test("a mount that is being made is left alone while its helper lives", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ unfinished: true, mounted: false, state: { helper: ownIdentity() } });
    const other = await rig.tunnel({ unfinished: true, mounted: false });
    const unmounted = await rig.tunnel({ mounted: false });
    await rig.watch();
    await eventually("the unmounted one is gone", () => !existsSync(unmounted.paths.stateFile));
    for (const { paths } of [tunnel, other]) assert.equal(existsSync(paths.unfinishedStateFile), true);
    assert.equal(await tunnel.isListening(), true);
  });

  test("a mount whose helper died after it was made is finished", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ unfinished: true, state: { pid: -1, keeper: null, helper: DEAD } });
    await rig.watch();
    await eventually(
      "the process is recorded",
      () => existsSync(tunnel.paths.stateFile) && tunnel.state().pid > 1,
    );
    const state = tunnel.state();
    assert.equal(existsSync(tunnel.paths.unfinishedStateFile), false);
    assert.equal(state.helper, undefined);
    assert.equal(processFacts(state.pid)?.startTime, state.pidStartTime);
    assert.notEqual(processFacts(state.keeper?.pid ?? 0), undefined);
  });

  test("a mount that its helper has just finished needs no finishing", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ unfinished: true, state: { helper: DEAD } });
    assert.equal(finishState(rig.directory, tunnel.base), true);
    assert.equal(tunnel.state().helper, undefined);
    const before = readdirSync(rig.directory);
    assert.equal(finishState(rig.directory, tunnel.base), false);
    assert.deepEqual(readdirSync(rig.directory), before);
  });

  test("a mount whose helper died before it was made is undone", async (t) => {
    const rig = new Rig(t);
    const state = { pid: -1, keeper: null, helper: DEAD };
    await rig.tunnel({ unfinished: true, mounted: false, state });
    await rig.watch();
    await eventually("nothing runs", () => rig.processes().length === 0);
    await eventually("no file is left", () => readdirSync(rig.directory).length === 1);
  });

  test("a mount.nfs4 that outlived its helper is waited for", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ unfinished: true, mounted: false, state: { helper: DEAD } });
    const unmounted = await rig.tunnel({ mounted: false });
    const options = `rw,port=${tunnel.port}`;
    const script = `exec -a /sbin/mount.nfs4 perl -e 'sleep 60' -- 127.0.0.1:/ /mnt -o ${options}`;
    const pid = idle(t, "bash", "-c", script);
    await eventually("it runs", () => processFacts(pid)?.argv[0] === "/sbin/mount.nfs4");
    await rig.watch();
    await eventually("the unmounted one is gone", () => !existsSync(unmounted.paths.stateFile));
    assert.equal(existsSync(tunnel.paths.unfinishedStateFile), true);
    await kill(pid);
    await eventually("it is undone", () => !existsSync(tunnel.paths.unfinishedStateFile));
  });

  test("files and processes without a state file are swept when they are old and unused", async (t) => {
    const rig = new Rig(t);
    const old = await rig.tunnel({ mounted: false });
    const young = await rig.tunnel({ mounted: false });
    const used = await rig.tunnel();
    for (const { paths } of [old, young, used]) rmSync(paths.stateFile);
    for (const { paths } of [old, used]) makeOld(paths.stunnelConfig, paths.directory);
    const temporary = `${rig.directory}/${old.base}.${DEAD.pid}-${DEAD.startTime}.tmp`;
    writeFileSync(temporary, "");
    await rig.watch();
    await eventually("the old one is gone", () => !existsSync(old.paths.directory));
    assert.equal(existsSync(old.paths.stunnelConfig), false);
    assert.equal(existsSync(temporary), false);
    await eventually("so are its processes", async () => !(await old.isListening()));
    for (const tunnel of [young, used]) assert.equal(await tunnel.isListening(), true);
  });

  test("an unfinished state file beside a finished one is the trace of a dead helper", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const { pid } = tunnel.state();
    writeFileSync(tunnel.paths.unfinishedStateFile, formatState({ ...tunnel.state(), helper: DEAD }));
    await rig.watch();
    await eventually("it is gone", () => !existsSync(tunnel.paths.unfinishedStateFile));
    assert.equal(tunnel.state().pid, pid);
  });

  test("a tunnel whose port somebody has taken is named with its thief, and back when the port is free", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no" });
    const thief = createServer().listen(tunnel.port, "127.0.0.1");
    t.after(() => thief.close());
    await rig.watch();
    await eventually("it is reported", () => rig.logged(/is taken by process/).length === 1);
    const [line = ""] = rig.logged(/is taken by process/);
    for (const part of [tunnel.mountPoint, String(tunnel.port), String(process.pid), process.execPath])
      assert.ok(line.includes(part), line);
    thief.close();
    await eventually("it is back", () => tunnel.state().keeper !== undefined);
  });

  test("an unreadable state file is reported once and set aside, and all others are served", async (t) => {
    const rig = new Rig(t);
    const good = await rig.tunnel();
    const bad = ["", "{", "[]", `{"pid": 1}`, `{"files": ["/etc/passwd"]}`, " ".repeat(300_000)];
    const names = bad.map((_, index) => `fs-00000000.bad.${30_000 + index}`);
    for (const [index, name] of names.entries()) {
      writeFileSync(`${rig.directory}/${name}`, bad[index] ?? "");
      makeOld(`${rig.directory}/${name}`);
    }
    mkdirSync(`${rig.directory}/fs-00000000.directory.30100`);
    spawn("mkfifo", [`${rig.directory}/fs-00000000.fifo.30101`]);
    await eventually("the pipe is there", () => existsSync(`${rig.directory}/fs-00000000.fifo.30101`));
    makeOld(`${rig.directory}/fs-00000000.directory.30100`, `${rig.directory}/fs-00000000.fifo.30101`);
    await rig.watch();
    const { pid } = good.state();
    await kill(pid);
    await eventually("the good one is served", () => good.state().pid !== pid);
    for (const name of [...names, "fs-00000000.directory.30100", "fs-00000000.fifo.30101"]) {
      assert.equal(rig.logged(new RegExp(`ERROR .*${name}`)).length, 1, name);
      assert.equal(existsSync(`${rig.directory}/${name}`), true);
    }
  });
});
