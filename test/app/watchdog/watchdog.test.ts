import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { describe, test } from "node:test";
import { stunnelOf } from "../../../src/app/tunnel/start.ts";
import { emptyConfig } from "../../../src/core/config/config.ts";
import { policyOf } from "../../../src/core/watchdog/policy.ts";
import { processFacts } from "../../../src/system/procfs.ts";
import { eventually, kill, Rig, type RigTunnel } from "../../support/watchdog-rig.ts";

const DEFAULTS = policyOf(emptyConfig("test.conf"));

// most of their time is spent waiting for processes
describe("a watchdog", { concurrency: 4 }, () => {
  test("a healthy tunnel is left alone, and its state file is not written", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const before = statSync(tunnel.paths.stateFile);
    const { pid } = tunnel.state();
    await rig.watch();
    rig.mountTableChanged();
    await eventually("it is taken over", () => rig.logged(/1 tunnel, 1 of them running/).length === 1);
    assert.equal(statSync(tunnel.paths.stateFile).mtimeMs, before.mtimeMs);
    assert.equal(tunnel.state().pid, pid);
    assert.notEqual(processFacts(pid), undefined);
  });

  test("a stunnel that its keeper replaced is recorded at once, with one line that names all", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ state: { foreignKey: { kept: true } } });
    await rig.watch();
    const { pid, keeper } = tunnel.state();
    chmodSync(tunnel.paths.stateFile, 0o640);
    await kill(pid);
    // the keeper names it before the watchdog does
    await eventually("it is told", () => rig.logged(/has taken over/).length > 0);
    const after = tunnel.state();
    assert.equal(statSync(tunnel.paths.stateFile).mode & 0o777, 0o640);
    assert.equal(processFacts(after.pid)?.startTime, after.pidStartTime);
    assert.deepEqual(after.keeper, keeper);
    assert.deepEqual(after.foreignKey, { kept: true });
    const lines = rig.logged(/has taken over/);
    assert.equal(lines.length, 1);
    for (const part of [tunnel.mountPoint, String(pid), String(after.pid)])
      assert.ok(lines[0]?.includes(part));
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

  test("a tunnel ends when the kernel tells of its unmount, without waiting for a round, and nothing of it is left", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await rig.watch("", { roundMs: 3_600_000 });
    tunnel.unmount();
    await eventually("its state file is gone", () => !existsSync(tunnel.paths.stateFile));
    assert.deepEqual(rig.processes(), []);
    assert.deepEqual(readdirSync(rig.directory), ["watchdog.lock"]);
  });

  test("a second watchdog of the same directory is refused, and named is the first", async (t) => {
    const rig = new Rig(t);
    await rig.watch();
    await assert.rejects(new Rig(t).watch.call(rig), {
      kind: "usage",
      message: new RegExp(`${process.pid}`),
    });
    assert.equal(JSON.parse(readFileSync(`${rig.directory}/watchdog.lock`, "utf8")).pid, process.pid);
  });

  test("a tunnel lives on while its client says goodbye, when it is on no list any more, and ends after it", async (t) => {
    const rig = new Rig(t);
    const [slow, quick] = [await rig.tunnel(), await rig.tunnel()];
    await rig.watch();
    rig.goodbyes.add(slow.port);
    slow.unmount();
    quick.unmount();
    await eventually("the other tunnel has ended", () => !existsSync(quick.paths.stateFile));
    assert.notEqual(processFacts(slow.state().pid), undefined);
    rig.goodbyes.delete(slow.port);
    await eventually("it has ended too", () => !existsSync(slow.paths.stateFile), 2000);
  });

  test("a tunnel lives on while the kernel has a client for its port, and ends after it", async (t) => {
    const rig = new Rig(t);
    const [lazy, normal] = [await rig.tunnel(), await rig.tunnel()];
    await rig.watch();
    rig.mounts.delete(lazy.mountPoint);
    normal.unmount();
    await eventually("the other tunnel has ended", () => !existsSync(normal.paths.stateFile));
    assert.notEqual(processFacts(lazy.state().pid), undefined);
    // nothing reports the end of a client: it is looked for
    rig.clients.delete(lazy.port);
    await eventually("it has ended too", () => !existsSync(lazy.paths.stateFile), 2000);
    assert.deepEqual(rig.processes(), []);
  });

  test("a stopped stunnel and a stopped keeper end with their mount all the same", async (t) => {
    const rig = new Rig(t);
    const tunnels = [await rig.tunnel(), await rig.tunnel()];
    await rig.watch();
    process.kill(tunnels[0]?.state().pid ?? 0, "SIGSTOP");
    process.kill(tunnels[1]?.state().keeper?.pid ?? 0, "SIGSTOP");
    for (const tunnel of tunnels) tunnel.unmount();
    await eventually("they are gone", () => rig.processes().length === 0);
    await eventually("so are their files", () => readdirSync(rig.directory).length === 1);
  });

  test("an explicit time of grace is kept, and marked in the state file until it is mounted again", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await rig.watch("[mount-watchdog]\nunmount_grace_period_sec = 1");
    const { pid } = tunnel.state();
    tunnel.unmount();
    await eventually("the unmount is marked", () => tunnel.state().unmount_time !== undefined);
    assert.ok(Math.abs((tunnel.state().unmount_time ?? 0) - Date.now() / 1000) < 5);
    assert.equal(tunnel.state().unmount_count, 1);
    tunnel.mount();
    await eventually("the mark is gone", () => tunnel.state().unmount_time === undefined);
    assert.equal(tunnel.state().pid, pid);
    const start = performance.now();
    tunnel.unmount();
    await eventually("it has ended", () => !existsSync(tunnel.paths.stateFile));
    assert.ok(performance.now() - start >= 1000);
  });

  test("a configuration that is read again takes effect", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const watchdog = await rig.watch("[mount-watchdog]\nunmount_grace_period_sec = 3600");
    tunnel.unmount();
    await eventually("the unmount is marked", () => tunnel.state().unmount_time !== undefined);
    watchdog.reload({ ...DEFAULTS, graceMs: 0 });
    await eventually("it has ended", () => !existsSync(tunnel.paths.stateFile));
  });

  test("a deleted configuration is written again while its tunnel is needed", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const text = readFileSync(tunnel.paths.stunnelConfig, "utf8");
    await rig.watch();
    rmSync(tunnel.paths.stunnelConfig);
    await eventually("it is back", () => existsSync(tunnel.paths.stunnelConfig));
    assert.equal(readFileSync(tunnel.paths.stunnelConfig, "utf8"), text);
    assert.equal(rig.logged(/configuration was deleted/).length, 1);
  });

  test("a stopped keeper whose stunnel died is woken when everything is looked at", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const watchdog = await rig.watch();
    const { pid, keeper } = tunnel.state();
    process.kill(keeper?.pid ?? 0, "SIGSTOP");
    await kill(pid);
    watchdog.reload(DEFAULTS);
    await eventually("another stunnel runs", () => tunnel.state().pid !== pid);
    assert.deepEqual(tunnel.state().keeper, keeper);
  });

  test("a tunnel that is in use gets its files back when somebody deletes them all", async (t) => {
    const rig = new Rig(t);
    const [used, other] = [await rig.tunnel(), await rig.tunnel()];
    await rig.watch();
    const { pid, keeper } = used.state();
    other.unmount();
    for (const { paths } of [used, other])
      for (const path of [paths.stateFile, paths.stunnelConfig, paths.directory])
        rmSync(path, { recursive: true, force: true });
    await eventually("they are back", () => existsSync(used.paths.stateFile));
    assert.equal(used.state().pid, pid);
    await eventually("the other one is gone", () => rig.processes().length === 2);
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    await eventually("it runs again", () => used.state().pid !== pid);
    assert.equal(existsSync(other.paths.stateFile), false);
  });

  test("a state file that was damaged is as before, and its tunnel ends with its mount", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await rig.watch();
    const before = tunnel.state();
    writeFileSync(tunnel.paths.stateFile, "{");
    await eventually("it is as before", () => rig.logged(/damaged; it is as before/).length === 1);
    assert.deepEqual(tunnel.state(), before);
    assert.equal(rig.logged(/ERROR .*is not JSON/).length, 1);
    tunnel.unmount();
    await eventually("nothing is left", () => readdirSync(rig.directory).length === 1);
  });

  test("a tunnel with lost directory and processes is rebuilt from what is left", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await rig.watch();
    const { pid, keeper } = tunnel.state();
    rmSync(tunnel.paths.directory, { recursive: true });
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    await eventually("it is back", () => tunnel.state().pid !== pid);
    assert.equal(await tunnel.isListening(), true);
  });

  test("a mount table that cannot be read ends nothing, and is reported once", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const watchdog = await rig.watch();
    rig.isBlind = true;
    tunnel.unmount();
    await eventually("it is reported", () => rig.logged(/mount table cannot be read/).length > 0);
    await eventually("it is tried again", () => watchdog.failingMs > 1100);
    assert.equal(rig.logged(/mount table cannot be read/).length, 1);
    assert.equal(await tunnel.isListening(), true);
    rig.isBlind = false;
    await eventually("it has ended", () => !existsSync(tunnel.paths.stateFile));
    assert.equal(watchdog.failingMs, 0);
  });

  test("a state directory that is away for a while loses nothing", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await rig.watch();
    const { pid } = tunnel.state();
    renameSync(rig.directory, `${rig.directory}.away`);
    await eventually("it is reported", () => rig.logged(/cannot read the state directory/).length > 0);
    renameSync(`${rig.directory}.away`, rig.directory);
    await kill(pid);
    await eventually("the state file names the new stunnel", () => tunnel.state().pid !== pid);
  });

  test("without space the tunnel comes back, and its state file once there is space", async (t) => {
    const rig = new Rig(t);
    rig.limitSpace(256);
    const tunnel = await rig.tunnel();
    const { pid } = tunnel.state();
    await rig.watch();
    const filler = `${rig.directory}/filler`;
    assert.throws(() => writeFileSync(filler, Buffer.alloc(512 * 1024)), { code: "ENOSPC" });
    await kill(pid);
    await eventually("it is reported", () => rig.logged(/cannot write .*no space/).length > 0);
    assert.equal(tunnel.state().pid, pid);
    assert.notEqual(stunnelOf(tunnel.paths), undefined);
    rmSync(filler);
    await eventually("the state file names the new stunnel", () => tunnel.state().pid !== pid);
    assert.equal(rig.logged(/cannot write/).length, 1);
  });

  test("a log that has grown long is emptied", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    writeFileSync(tunnel.paths.log, "x".repeat(1024 * 1024 + 1));
    await rig.watch();
    await eventually("it is short", () => statSync(tunnel.paths.log).size < 1000);
  });

  test("a watchdog that ends leaves tunnels running, and the next one takes them over as they are", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const first = await rig.watch();
    await first.stop();
    const before = tunnel.state();
    await rig.watch();
    assert.deepEqual(tunnel.state(), before);
    await kill(before.pid);
    await eventually("the state file names the new stunnel", () => tunnel.state().pid !== before.pid);
  });

  test("what happened while no watchdog ran is made good by the next one", async (t) => {
    const rig = new Rig(t);
    const [dead, unmounted, replaced] = [await rig.tunnel(), await rig.tunnel(), await rig.tunnel()];
    const before = [dead, unmounted, replaced].map((tunnel) => tunnel.state());
    await kill(before[0]?.keeper?.pid ?? 0);
    await kill(before[0]?.pid ?? 0);
    unmounted.unmount();
    await kill(before[2]?.pid ?? 0);
    await rig.watch();
    await eventually("the dead one runs", () => dead.state().pid !== before[0]?.pid);
    assert.equal(await dead.isListening(), true);
    await eventually("the unmounted one is gone", () => !existsSync(unmounted.paths.directory));
    await eventually("the replaced one is known", () => replaced.state().pid !== before[2]?.pid);
    assert.deepEqual(replaced.state().keeper, before[2]?.keeper);
  });

  test("twenty dead tunnels are back within seconds, all on their own ports", async (t) => {
    const rig = new Rig(t);
    const tunnels: RigTunnel[] = [];
    for (let count = 0; count < 20; count += 1) tunnels.push(await rig.tunnel({ runs: "no" }));
    const start = performance.now();
    await rig.watch();
    await eventually("all are recorded", () =>
      tunnels.every((tunnel) => tunnel.state().keeper !== undefined),
    );
    t.diagnostic(`20 tunnels in ${Math.round(performance.now() - start)} ms`);
    for (const tunnel of tunnels) assert.equal(await tunnel.isListening(), true);
  });
});
