import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { ownNamespaces } from "../../../src/system/namespaces.ts";
import { ownIdentity } from "../../../src/system/procfs.ts";
import { NO_NAMESPACES } from "../../fakes/namespaces.ts";
import { WatchdogProcesses } from "../../support/watchdog-process.ts";
import { eventually, kill, Rig } from "../../support/watchdog-rig.ts";

/** A container with our state directory; what runs outside is hidden from it. */
const CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
const OWN_NETWORK = [...CONTAINER.slice(0, -1), "--net", "--kill-child"];

describe("a watchdog in a container that shares its state directory", {
  skip: NO_NAMESPACES,
  concurrency: 2,
}, () => {
  const namespaces = ownNamespaces();
  const here = { namespaces };

  for (const [what, container] of [
    ["the same network", CONTAINER],
    ["a network of its own", OWN_NETWORK],
  ] as const) {
    test(`leaves alone what others have, in ${what}`, async (t) => {
      const rig = new Rig(t);
      const finished = await rig.tunnel({ mounted: false, state: here });
      const state = { ...here, helper: ownIdentity() };
      const unfinished = await rig.tunnel({ mounted: false, unfinished: true, state });
      const own = await rig.tunnel({ mounted: false, runs: "no" });
      const watchdog = new WatchdogProcesses(t, rig).start(container);
      await eventually("its own is gone", () => !existsSync(own.paths.stateFile));
      await eventually("it says so", () => watchdog.logged(/another container has it/).length === 2);
      assert.equal(existsSync(finished.paths.stateFile), true);
      assert.equal(existsSync(unfinished.paths.unfinishedStateFile), true);
      assert.equal(rig.processes().length, 4);
    });
  }

  test("takes over in the same network what died with another container", async (t) => {
    const rig = new Rig(t);
    const [mounted, unmounted] = [
      await rig.tunnel({ state: here }),
      await rig.tunnel({ mounted: false, state: here }),
    ];
    const watchdog = new WatchdogProcesses(t, rig).start(CONTAINER);
    await eventually("they are left alone", () => watchdog.logged(/another container has it/).length === 2);
    assert.deepEqual(watchdog.logged(/its configuration is noted/), []);
    const { pid, keeper } = mounted.state();
    for (const { state } of [mounted, unmounted]) {
      await kill(state().keeper?.pid ?? 0);
      await kill(state().pid);
    }
    await eventually("one is gone", () => !existsSync(unmounted.paths.stateFile));
    await eventually("the other one runs again", () => mounted.state().keeper?.pid !== keeper?.pid);
    assert.notEqual(mounted.state().pid, pid);
    assert.notDeepEqual(mounted.state().namespaces, namespaces);
    assert.equal(await mounted.isListening(), true);
  });

  test("leaves a mount alone whose helper it cannot see, and a watchdog outside sees that it has died", async (t) => {
    const rig = new Rig(t);
    const helper = { pid: 4_194_303, startTime: 1 };
    const tunnel = await rig.tunnel({
      mounted: false,
      unfinished: true,
      runs: "no",
      state: { ...here, helper },
    });
    const own = await rig.tunnel({ mounted: false, runs: "no" });
    const processes = new WatchdogProcesses(t, rig);
    const inside = processes.start(CONTAINER);
    await eventually("its own is gone", () => !existsSync(own.paths.stateFile));
    assert.equal(existsSync(tunnel.paths.unfinishedStateFile), true);
    await inside.kill();
    processes.start();
    await eventually("it is undone", () => readdirSync(rig.directory).join() === "watchdog.lock");
  });
});
