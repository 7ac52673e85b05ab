import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { describe, test } from "node:test";
import { eventually, isListening } from "../app/watchdog-rig.ts";
import { LoadedMachine } from "./loaded-machine.ts";

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
    options: { policy: { health: { everyMs: 200, limitMs: 300 } } },
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
    name: "others try to get the port when stunnel dies",
    holds: "they never do",
    strike: async (machine) => {
      const grabbers = machine.loads.map(({ tunnel }) => new Grabber(tunnel.port));
      await machine.strike("stunnel");
      await machine.resumes();
      for (const grabber of grabbers) await grabber.giveUp();
      assert.deepEqual(
        grabbers.map(({ succeeded }) => succeeded),
        grabbers.map(() => false),
      );
      assert.ok(grabbers.every(({ tries }) => tries > 10));
    },
  },
  {
    name: "somebody has got the port when keeper and stunnel died unwatched",
    holds: "he is named, and the tunnel is back when he lets go",
    strike: async (machine) => {
      await machine.stopWatching();
      const grabbers = machine.loads.map(({ tunnel }) => new Grabber(tunnel.port));
      await machine.killAll();
      await eventually("all ports are theirs", () => grabbers.every(({ succeeded }) => succeeded));
      await machine.watch();
      const named = (port: number) =>
        machine.rig.logged(new RegExp(`port ${port} .*process ${process.pid} `));
      await eventually("he is named", () =>
        machine.loads.every(({ tunnel }) => named(tunnel.port).length > 0),
      );
      for (const grabber of grabbers) await grabber.giveUp();
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
    holds: "each is reported once, and watched again when it is mended",
    strike: async (machine) => {
      const damages = ["", "{", '{"pid": 1, "cmd": 7}', "\0".repeat(4096), "x".repeat(200_000)];
      const { pids } = machine;
      const saved = machine.loads.map(({ tunnel }) => readFileSync(tunnel.paths.stateFile));
      for (const [index, { tunnel }] of machine.loads.entries())
        writeFileSync(tunnel.paths.stateFile, damages[index % damages.length] ?? "");
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await machine.resumes();
      const reports = ({ base }: { base: string }) =>
        machine.rig.logged(/ERROR/).filter((line) => line.includes(base)).length;
      await eventually("all are reported", () => machine.loads.every(({ tunnel }) => reports(tunnel) > 0));
      for (const [index, { tunnel }] of machine.loads.entries()) {
        assert.equal(reports(tunnel), 1);
        writeFileSync(tunnel.paths.stateFile, saved[index] ?? "");
      }
      await machine.recordsOthers(pids);
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
    name: "the network is cut and comes back",
    holds: "no stunnel is replaced for it",
    options: { policy: { health: { everyMs: 200, limitMs: 3000 } } },
    strike: async (machine) => {
      const { pids } = machine;
      await machine.server.close();
      const reported = () => machine.rig.logged(/its server cannot be reached/).length;
      await eventually("it is reported", () => reported() >= machine.loads.length);
      await machine.server.listen();
      await machine.resumes();
      assert.deepEqual(machine.pids, pids);
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

for (const tunnels of [1, 20]) {
  describe(`${tunnels === 1 ? "one tunnel" : `${tunnels} tunnels`} under a writing load`, {
    concurrency: 2,
  }, () => {
    for (const { name, holds, options, strike, after } of FAULTS) {
      test(`${name}: ${holds}; what was written is there, and nothing is left over`, async (t) => {
        const machine = await LoadedMachine.start(t, { tunnels, ...options }).catch((error: Error) => {
          if (!/^Command failed: mount /.test(error.message)) throw error;
          t.skip("mounting is not permitted");
        });
        if (machine === undefined) return;
        await strike(machine);
        await machine.resumes();
        t.diagnostic(`${name}: longest gap of ${tunnels} writers: ${machine.takeLongestGap()} ms`);
        await after?.(machine);
        await machine.end();
      });
    }
  });
}

async function keepersStay(machine: LoadedMachine, strike: () => Promise<void>): Promise<void> {
  const keepers = () => machine.loads.map(({ tunnel }) => tunnel.state().keeper);
  const [before, pids] = [keepers(), machine.pids];
  await strike();
  await machine.recordsOthers(pids);
  assert.deepEqual(keepers(), before);
}

/** Somebody else who wants a port, and tries to get it all the time. */
class Grabber {
  readonly #port: number;
  #server: Server | undefined;
  #stopped = false;
  tries = 0;
  succeeded = false;

  constructor(port: number) {
    this.#port = port;
    this.#try();
  }

  async giveUp(): Promise<void> {
    this.#stopped = true;
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()) ?? resolve());
    this.#server = undefined;
    if (this.succeeded) await eventually("the port is free", async () => !(await isListening(this.#port)));
  }

  #try(): void {
    if (this.#stopped) return;
    this.tries += 1;
    const server = createServer((socket) => socket.on("error", () => {}).destroy());
    server.on("error", () => setTimeout(() => this.#try(), 1));
    server.listen(this.#port, "127.0.0.1", () => {
      this.#server = server;
      this.succeeded = true;
    });
  }
}
