import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { test } from "node:test";
import { MACHINE_NAMESPACES } from "../fakes/machine.ts";
import { inNamespaces } from "../fakes/namespaces.ts";
import { WatchdogProcesses } from "../support/watchdog-process.ts";
import { eventually, kill, Rig, type RigTunnel } from "../support/watchdog-rig.ts";

const TUNNELS = 400;
const MAKERS = 4;
const KILLED = 20;
const LIMIT_MS = 300_000;

await inNamespaces(
  MACHINE_NAMESPACES,
  () => {
    test("400 tunnels are taken over as they are, mended where they die, and gone with their mounts", async (t) => {
      const rig = new Rig(t);
      const tunnels: RigTunnel[] = [];
      let left = TUNNELS;
      const make = async () => {
        while (left > 0) {
          left -= 1;
          tunnels.push(await rig.tunnel());
        }
      };
      await Promise.all(Array.from({ length: MAKERS }, make));
      const written = () => tunnels.map(({ paths }) => statSync(paths.stateFile).mtimeMs);
      const before = written();
      const watchdogs = new WatchdogProcesses(t, rig);
      const watchdog = watchdogs.start();
      await eventually("they are taken over", () => watchdog.logged(/^INFO Watching/).length > 0);
      assert.match(watchdog.logged(/^INFO Watching/)[0] ?? "", /: 400 tunnels, 400 of them running$/);
      assert.deepEqual(written(), before);
      assert.equal(rig.processes().length, 2 * TUNNELS);

      const killed = tunnels.slice(0, KILLED);
      const pids = killed.map((tunnel) => tunnel.state().pid);
      for (const tunnel of killed) {
        await kill(tunnel.state().keeper?.pid ?? 0);
        await kill(tunnel.state().pid);
      }
      await eventually("the killed ones are back", () =>
        killed.every((tunnel, index) => tunnel.state().pid !== pids[index]),
      );
      assert.deepEqual(written().slice(KILLED), before.slice(KILLED));

      for (const tunnel of tunnels) tunnel.unmount();
      watchdogs.publishMounts();
      await eventually("no file is left", () => readdirSync(rig.directory).join() === "watchdog.lock");
      assert.deepEqual(rig.processes(), []);
    });
  },
  LIMIT_MS,
);
