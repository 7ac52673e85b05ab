import assert from "node:assert/strict";
import { existsSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { MACHINE_NAMESPACES } from "../fakes/machine.ts";
import { inNamespaces } from "../fakes/namespaces.ts";
import { WatchdogProcesses } from "../support/watchdog-process.ts";
import { eventually } from "../support/watchdog-rig.ts";
import { LoadedMachine, type LoadedTunnel } from "./loaded-machine.ts";
import { Thief } from "./thief.ts";

/** What a watchdog does to the world, apart from reading it: each call is a step. */
const STEPS = ["clone", "mkdir", "bind", "listen", "fchmod", "rename", "kill", "unlink", "rmdir"];
/** A network is cut for longer than it takes to restart a tunnel. */
const SILENCE_MS = 1000;
/** Many times what it takes on an idle machine. */
const LIMIT_MS = 900_000;

type Options = Omit<Parameters<typeof LoadedMachine.start>[1], "tunnels">;

/** Something that goes wrong while all tunnels are written through. */
interface Fault {
  readonly name: string;
  /** What holds besides what always does: writing goes on, nothing is lost, nothing is left over. */
  readonly holds: string;
  readonly options?: Options;
  /** Lets it go wrong; writing must go on soon after it returns. */
  strike(machine: LoadedMachine): Promise<void>;
  /** Whatever must hold in the end, or must be undone. */
  after?(machine: LoadedMachine): Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    name: "stunnel is killed",
    holds: "its keeper stays",
    strike: (machine) => keepersStay(machine, () => machine.strike("stunnel")),
  },
  {
    name: "stunnel is asked to end",
    holds: "its keeper stays",
    strike: (machine) => keepersStay(machine, () => machine.strike("stunnel", "SIGTERM")),
  },
  {
    name: "stunnel is stopped",
    holds: "it is found and replaced",
    options: { policy: { health: { everyMs: 200, limitMs: 3000 } } },
    strike: async (machine) => {
      const before = machine.pids;
      await machine.strike("stunnel", "SIGSTOP");
      await machine.resumes();
      await machine.recordsOthers(before);
      assert.ok(machine.rig.logged(/answers nothing though its server lives/).length > 0);
    },
  },
  {
    name: "the keeper is killed",
    holds: "no connection breaks, and stunnel's death later is made good too",
    strike: async (machine) => {
      const before = machine.loads.map(({ writer }) => writer.connections);
      await machine.strike("keeper");
      await machine.resumes();
      assert.deepEqual(
        machine.loads.map(({ writer }) => writer.connections),
        before,
      );
      const { pids } = machine;
      await machine.strike("stunnel");
      await machine.recordsOthers(pids);
    },
  },
  {
    name: "keeper and stunnel are killed at once, as when memory runs out",
    holds: "both are there again",
    strike: async (machine) => {
      const { pids } = machine;
      await machine.strike("both");
      await machine.recordsOthers(pids);
      for (const { tunnel } of machine.loads) assert.notEqual(tunnel.state().keeper, undefined);
    },
  },
  {
    name: "the disk is full when stunnel dies",
    holds: "state files follow when there is space",
    options: { spaceKib: 4096 },
    strike: async (machine) => {
      assert.throws(() => writeFileSync(`${machine.rig.directory}/filler`, Buffer.alloc(8 * 1024 * 1024)), {
        code: "ENOSPC",
      });
      await machine.strike("stunnel");
    },
    after: async (machine) => {
      const { pids } = machine;
      rmSync(`${machine.rig.directory}/filler`);
      await machine.recordsOthers(pids);
    },
  },
  {
    name: "another user tries to get the port when stunnel dies",
    holds: "he never does",
    strike: async (machine) => {
      const thief = await Thief.start(machine);
      await machine.strike("stunnel");
      await machine.resumes();
      const { tries, taken } = await thief.giveUp();
      assert.deepEqual(taken, []);
      assert.ok(tries > 3 * machine.loads.length, `${tries} tries`);
    },
  },
  {
    name: "another user tries to get the port when keeper and stunnel are killed at once",
    holds: "he is named where he gets it, and the tunnel is back when he lets go",
    strike: async (machine) => {
      const { pids } = machine;
      const thief = await Thief.start(machine);
      await machine.strike("both");
      const isSettled = ({ tunnel }: LoadedTunnel, index: number) =>
        thief.isNamed(machine, tunnel.port) || tunnel.state().pid !== pids[index];
      await eventually("each is back, or its thief is named", () => machine.loads.every(isSettled));
      const { taken } = await thief.giveUp();
      for (const port of taken) assert.ok(thief.isNamed(machine, port), `port ${port}`);
    },
  },
  {
    name: "another user has got the port when keeper and stunnel died unwatched",
    holds: "he is named, and the tunnel is back when he lets go",
    strike: async (machine) => {
      await machine.stopWatching();
      const thief = await Thief.start(machine);
      await machine.killAll();
      const ports = machine.loads.map(({ tunnel }) => tunnel.port);
      await eventually("all ports are his", () => ports.every((port) => thief.taken.includes(port)));
      await machine.watch();
      await eventually("he is named", () => ports.every((port) => thief.isNamed(machine, port)));
      await thief.giveUp();
    },
  },
  {
    name: "configurations are deleted and stunnel dies",
    holds: "they are back",
    strike: async (machine) => {
      for (const { tunnel } of machine.loads) rmSync(tunnel.paths.stunnelConfig);
      await machine.strike("stunnel");
      const all = () => machine.loads.every(({ tunnel }) => existsSync(tunnel.paths.stunnelConfig));
      await eventually("they are back", all);
    },
  },
  {
    name: "certificates are deleted and stunnel dies",
    holds: "new ones are made",
    strike: async (machine) => {
      for (const { tunnel } of machine.loads) rmSync(tunnel.paths.certificate);
      await machine.strike("stunnel");
      const all = () => machine.loads.every(({ tunnel }) => existsSync(tunnel.paths.certificate));
      await eventually("they are back", all);
    },
  },
  {
    name: "stunnel's program is replaced, and stunnel dies",
    holds: "the new program runs",
    options: { ownStunnel: true },
    strike: async (machine) => {
      const { pids } = machine;
      machine.replaceStunnel();
      for (const pid of pids) assert.match(readlinkSync(`/proc/${pid}/exe`), / \(deleted\)$/);
      await machine.strike("stunnel");
      await machine.recordsOthers(pids);
      for (const pid of machine.pids) assert.equal(readlinkSync(`/proc/${pid}/exe`), machine.stunnelCopy);
    },
  },
  {
    name: "state files are damaged and stunnel dies",
    holds: "each is reported once, and as before",
    strike: async (machine) => {
      const damages = ["", "{", '{"pid": 1, "cmd": 7}', "\0".repeat(4096), "x".repeat(200_000)];
      const { pids } = machine;
      for (const [index, { tunnel }] of machine.loads.entries())
        writeFileSync(tunnel.paths.stateFile, damages[index % damages.length] ?? "");
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await machine.resumes();
      const mended = ({ tunnel }: LoadedTunnel) =>
        machine.rig
          .logged(/its state file was damaged; it is as before/)
          .filter((line) => line.includes(`${tunnel.mountPoint} `));
      await eventually("all are mended", () => machine.loads.every((load) => mended(load).length === 1));
      await machine.recordsOthers(pids);
      for (const { tunnel } of machine.loads)
        assert.equal(machine.rig.logged(/^ERROR/).filter((line) => line.includes(tunnel.base)).length, 1);
    },
  },
  {
    name: "the watchdog ends, also while tunnels are down",
    holds: "nobody notices, and the next one makes it good",
    strike: async (machine) => {
      const connections = () => machine.loads.map(({ writer }) => writer.connections);
      const before = connections();
      await machine.stopWatching();
      await machine.watch();
      await machine.resumes();
      assert.deepEqual(connections(), before);
      await machine.strike("both");
      await machine.stopWatching();
      await machine.watch();
      await machine.resumes();
      await machine.stopWatching();
      await machine.killAll();
      await machine.watch();
    },
  },
  {
    name: "the watchdog is killed at each step of its work",
    holds: "the next one makes it good",
    strike: async (machine) => {
      await machine.stopWatching();
      const watchdogs = new WatchdogProcesses(machine.test, machine.rig);
      // with many tunnels, somewhere in between
      const isOne = machine.loads.length === 1;
      let kills = 0;
      for (const call of STEPS) {
        for (let count = isOne ? 1 : 10; ; count += 1) {
          const wasKilled = await killAtStep(machine, watchdogs, call, count);
          if (wasKilled) kills += 1;
          await machine.watch();
          await machine.resumes();
          await machine.stopWatching();
          if (!isOne || !wasKilled) break;
        }
      }
      assert.ok(kills >= (isOne ? STEPS.length : 3), `${kills} kills`);
      await machine.watch();
    },
  },
  {
    name: "the network is cut and comes back",
    holds: "no stunnel is replaced for it, and no connection breaks",
    options: { remote: true, policy: { health: { everyMs: 200, limitMs: 500 } } },
    strike: async (machine) => {
      const connections = () => machine.loads.map(({ writer }) => writer.connections);
      const [pids, before] = [machine.pids, connections()];
      machine.network?.cut();
      const reported = () => machine.rig.logged(/its server cannot be reached/).length;
      await eventually("it is reported", () => reported() >= machine.loads.length);
      const isSilent = ({ writer }: LoadedTunnel) => writer.silentMs > SILENCE_MS;
      await eventually("nothing gets through", () => machine.loads.every(isSilent));
      machine.network?.mend();
      await machine.resumes();
      assert.deepEqual(machine.pids, pids);
      assert.deepEqual(connections(), before);
    },
  },
  {
    name: "the server is restarted",
    holds: "no stunnel is replaced for it",
    strike: async (machine) => {
      const { pids } = machine;
      await machine.server.close();
      await machine.server.listen();
      await machine.resumes();
      assert.deepEqual(machine.pids, pids);
    },
  },
];

await inNamespaces(
  MACHINE_NAMESPACES,
  () => {
    for (const tunnels of [1, 20]) {
      describe(`${tunnels === 1 ? "one tunnel" : `${tunnels} tunnels`} under a writing load`, {
        concurrency: 2,
      }, () => {
        for (const { name, holds, options, strike, after } of FAULTS) {
          test(`${name}: ${holds}; what was written is there, and nothing is left over`, async (t) => {
            const machine = await LoadedMachine.start(t, { tunnels, ...options });
            await strike(machine);
            await machine.resumes();
            t.diagnostic(`${name}: longest gap of ${tunnels} writers: ${machine.takeLongestGap()} ms`);
            await after?.(machine);
            await machine.end();
          });
        }
      });
    }
  },
  LIMIT_MS,
);

/** Kills a watchdog when it makes a system call for the so-manieth time. Returns whether it has got that far. */
async function killAtStep(
  machine: LoadedMachine,
  watchdogs: WatchdogProcesses,
  call: string,
  count: number,
): Promise<boolean> {
  const unmounted = await machine.addUnmounted();
  await machine.killAll();
  const { pids } = machine;
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${count}`];
  const watchdog = watchdogs.start(["strace", "-D", "-qq", "-o", "/dev/null", ...inject]);
  const isDone = () =>
    !existsSync(unmounted.paths.stateFile) && machine.pids.every((pid, index) => pid !== pids[index]);
  await eventually("it is killed, or done", () => watchdog.hasEnded || isDone());
  const wasKilled = watchdog.hasEnded;
  await watchdog.kill();
  return wasKilled;
}

async function keepersStay(machine: LoadedMachine, strike: () => Promise<void>): Promise<void> {
  const keepers = () => machine.loads.map(({ tunnel }) => tunnel.state().keeper);
  const [before, pids] = [keepers(), machine.pids];
  await strike();
  await machine.recordsOthers(pids);
  assert.deepEqual(keepers(), before);
}
