import assert from "node:assert/strict";
import { chmodSync, existsSync } from "node:fs";
import { describe, test } from "node:test";
import { NO_NAMESPACES } from "../../fakes/namespaces.ts";
import { WatchdogProcesses } from "../../support/watchdog-process.ts";
import { eventually, kill, Rig } from "../../support/watchdog-rig.ts";

const DAY_MS = 86_400_000;

describe("a watchdog goes on", { concurrency: 2 }, () => {
  test("where it may open fewer files than it has tunnels", async (t) => {
    const rig = new Rig(t);
    const tunnels = [];
    for (let count = 0; count < 30; count += 1) tunnels.push(await rig.tunnel());
    const [killed, unmounted] = tunnels;
    assert.ok(killed !== undefined && unmounted !== undefined);
    const watchdogs = new WatchdogProcesses(t, rig);
    // node itself has some twenty: with a lifeline for each tunnel none would be left to mend one
    const watchdog = watchdogs.start(["prlimit", "--nofile=44:44"]);
    await eventually("it watches", () => watchdog.logged(/Watching/).length > 0);
    const { pid, keeper } = killed.state();
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    unmounted.unmount();
    watchdogs.publishMounts();
    await eventually("the killed one is back", () => killed.state().pid !== pid);
    await eventually("the unmounted one is gone", () => !existsSync(unmounted.paths.stateFile));
    assert.equal(watchdog.hasEnded, false);
  });

  test("where its state directory cannot be read for a while", { skip: NO_NAMESPACES }, async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const capabilities = "-dac_override,-dac_read_search";
    const asOthers = ["setpriv", `--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`];
    const watchdog = new WatchdogProcesses(t, rig).start(asOthers);
    await eventually("it watches", () => watchdog.logged(/Watching/).length > 0);
    chmodSync(rig.directory, 0o000);
    await eventually("it is reported", () => watchdog.logged(/cannot read the state directory/).length > 0);
    chmodSync(rig.directory, 0o750);
    const { pid } = tunnel.state();
    await kill(pid);
    await eventually("the state file names the new stunnel", () => tunnel.state().pid !== pid);
  });

  test("after it was stopped for a while, as by a machine that sleeps", async (t) => {
    const rig = new Rig(t);
    const [killed, unmounted] = [await rig.tunnel(), await rig.tunnel()];
    const watchdogs = new WatchdogProcesses(t, rig);
    const watchdog = watchdogs.start();
    await eventually("it watches", () => watchdog.logged(/Watching/).length > 0);
    process.kill(watchdog.pid, "SIGSTOP");
    const { pid, keeper } = killed.state();
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    unmounted.unmount();
    watchdogs.publishMounts();
    process.kill(watchdog.pid, "SIGCONT");
    await eventually("the killed one is back", () => killed.state().pid !== pid);
    await eventually("the unmounted one is gone", () => !existsSync(unmounted.paths.stateFile));
  });

  test("when its clock is set forth and back, without touching what is well", async (t) => {
    const rig = new Rig(t);
    const [healthy, killed, unmounted] = [await rig.tunnel(), await rig.tunnel(), await rig.tunnel()];
    await rig.watch();
    const before = healthy.state();
    for (const days of [400, -400]) {
      const { pid, keeper } = killed.state();
      t.mock.method(Date, "now", clockAhead(days * DAY_MS));
      await kill(keeper?.pid ?? 0);
      await kill(pid);
      await eventually("the killed one is back", () => killed.state().pid !== pid);
      t.mock.restoreAll();
    }
    t.mock.method(Date, "now", clockAhead(-DAY_MS));
    unmounted.unmount();
    await eventually("the unmounted one is gone", () => !existsSync(unmounted.paths.stateFile));
    assert.deepEqual(healthy.state(), before);
    assert.deepEqual(rig.logged(/ERROR/), []);
  });
});

function clockAhead(ms: number): () => number {
  const began = performance.now();
  const at = Date.now() + ms;
  return () => at + performance.now() - began;
}
