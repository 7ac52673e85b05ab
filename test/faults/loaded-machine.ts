import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { startTunnel } from "../../src/app/tunnel/start.ts";
import type { Watchdog } from "../../src/app/watchdog/watchdog.ts";
import { utcTimeText } from "../../src/core/certificate/certificate.ts";
import type { Port } from "../../src/core/ids.ts";
import { formatState } from "../../src/core/state/state.ts";
import type { Policy } from "../../src/core/watchdog/policy.ts";
import { bindPort } from "../../src/system/network.ts";
import type { Test } from "../support/authority.ts";
import { certificate, KEY_PEM } from "../support/tls-responder.ts";
import { eventually, KEEPER, kill, Rig, type RigTunnel, STUNNEL, signal } from "../support/watchdog-rig.ts";
import { CutOffNetwork } from "./cut-off-network.ts";
import { type Writer, WritingServer } from "./writing-load.ts";

/** A machine with many times as much to do as it can gets there too. */
const RESUME_LIMIT_MS = 60_000;
/** Ports are given once: a free one that two had would lead one of them to the other one's server. */
let lastPort = 20_000;
/** So many records, made after a fault, must have been acknowledged after it. */
const RECORDS = 5;

/** A tunnel with somebody who writes through it. */
export interface LoadedTunnel {
  readonly tunnel: RigTunnel;
  readonly writer: Writer;
}

interface MachineOptions {
  readonly tunnels: number;
  readonly policy?: Partial<Policy>;
  /** All that the state directory may hold. */
  readonly spaceKib?: number;
  /** Tunnels run a copy of stunnel that can be replaced. */
  readonly ownStunnel?: boolean;
  /** The server is in another network namespace, behind a wire that can be cut. */
  readonly remote?: boolean;
}

/** A port of this network namespace, which has no other users, below those that the kernel chooses. */
function nextPort(): Port {
  lastPort += 1;
  return lastPort as Port;
}

/** A server, tunnels to it that are watched, and a writer for each of them. */
export class LoadedMachine {
  readonly test: Test;
  readonly rig: Rig;
  readonly server: WritingServer;
  readonly loads: LoadedTunnel[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "efs-faults-"));
  readonly stunnelCopy = `${this.folder}/stunnel`;
  readonly network: CutOffNetwork | undefined;
  readonly #policy: Partial<Policy>;
  #watchdog: Watchdog | undefined;

  private constructor(
    test: Test,
    rig: Rig,
    server: WritingServer,
    network: CutOffNetwork | undefined,
    policy: Partial<Policy>,
  ) {
    this.test = test;
    this.rig = rig;
    this.server = server;
    this.network = network;
    this.#policy = policy;
  }

  static async start(test: Pick<TestContext, "after">, options: MachineOptions): Promise<LoadedMachine> {
    const network = options.remote === true ? await CutOffNetwork.make(test as Test) : undefined;
    const elsewhere =
      network === undefined
        ? {}
        : { address: network.address, listen: (port: number) => network.listen(port) };
    const server = await WritingServer.start({ port: nextPort(), ...elsewhere });
    const rig = new Rig(test as TestContext);
    const machine = new LoadedMachine(test as Test, rig, server, network, options.policy ?? {});
    test.after(async () => {
      for (const { writer } of machine.loads) writer.stop();
      await server.close();
      rmSync(machine.folder, { recursive: true, force: true });
    });
    if (options.spaceKib !== undefined) rig.limitSpace(options.spaceKib);
    if (options.ownStunnel === true) machine.replaceStunnel();
    const make = options.ownStunnel === true ? machine.#ownTunnel.bind(machine) : rig.tunnel.bind(rig);
    const tunnel = await tunnelTo(server, machine.folder);
    for (let count = 0; count < options.tunnels; count += 1)
      machine.load(await make({ ...tunnel, port: nextPort() }));
    await machine.watch();
    await machine.resumes();
    for (const { writer } of machine.loads) writer.takeLongestGap();
    return machine;
  }

  /** One more tunnel, that nobody uses any more. */
  addUnmounted(): Promise<RigTunnel> {
    return this.rig.tunnel({ mounted: false, port: nextPort() });
  }

  load(tunnel: RigTunnel): void {
    this.loads.push({ tunnel, writer: this.server.writer(this.loads.length, tunnel.port) });
  }

  async watch(): Promise<void> {
    this.#watchdog = await this.rig.watch("", { health: undefined, ...this.#policy });
  }

  async stopWatching(): Promise<void> {
    await this.#watchdog?.stop();
  }

  /** Puts another file in the place of the stunnel that tunnels run. */
  replaceStunnel(): void {
    copyFileSync(STUNNEL, `${this.stunnelCopy}.new`);
    renameSync(`${this.stunnelCopy}.new`, this.stunnelCopy);
  }

  async #ownTunnel(options: Parameters<Rig["tunnel"]>[0]): Promise<RigTunnel> {
    const tunnel = await this.rig.tunnel({ ...options, runs: "no" });
    const { port, paths } = tunnel;
    const socket = await bindPort(port);
    if (socket === undefined) throw new Error(`port ${port} is taken`);
    const start = { keeperProgram: KEEPER, stunnel: this.stunnelCopy, paths, port, socket };
    const starting = startTunnel({ ...start, networkNamespace: undefined });
    socket.close();
    const { stunnel, keeper } = await starting;
    const running = { pid: stunnel.pid, pidStartTime: stunnel.startTime, keeper, inheritsSocket: true };
    const cmd = [this.stunnelCopy, paths.stunnelConfig];
    writeFileSync(paths.stateFile, formatState({ ...tunnel.state(), ...running, cmd }));
    return tunnel;
  }

  /** Sends a signal to one of each tunnel's processes, or to both. */
  async strike(who: "stunnel" | "keeper" | "both", name: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const states = this.loads.map(({ tunnel }) => tunnel.state());
    if (who !== "stunnel") for (const { keeper } of states) signal(keeper?.pid ?? 0, name);
    if (who !== "keeper") for (const { pid } of states) signal(pid, name);
  }

  /** Kills the processes of all tunnels and waits until they are gone. */
  async killAll(): Promise<void> {
    for (const { tunnel } of this.loads) await kill(tunnel.state().keeper?.pid ?? 0);
    for (const { tunnel } of this.loads) await kill(tunnel.state().pid);
  }

  /** Waits until every writer has got acknowledgements for records that it makes from now on. */
  async resumes(): Promise<void> {
    const wanted = this.loads.map(({ writer }) => writer.made + RECORDS);
    const late = () => this.loads.filter(({ writer }, index) => writer.acknowledged < (wanted[index] ?? 0));
    await eventually("all writers go on", () => late().length === 0, RESUME_LIMIT_MS).catch(
      (error: Error) => {
        const names = late().map(({ tunnel }) => tunnel.mountPoint);
        throw new Error(`${error.message}: not those of ${names.join(", ")}\n${this.rig.lines.join("\n")}`);
      },
    );
  }

  /** Waits until every state file names other stunnels than these. */
  async recordsOthers(pids: readonly number[]): Promise<void> {
    await eventually("state files name the new stunnels", () =>
      this.loads.every(({ tunnel }, index) => tunnel.state().pid !== pids[index]),
    );
  }

  get pids(): number[] {
    return this.loads.map(({ tunnel }) => tunnel.state().pid);
  }

  /** The longest time that one of the writers had no answer since the last call, in milliseconds. */
  takeLongestGap(): number {
    return Math.round(Math.max(...this.loads.map(({ writer }) => writer.takeLongestGap())));
  }

  /** Lets the writers finish, compares all sums, unmounts all, and waits until nothing is left. */
  async end(): Promise<void> {
    for (const { writer } of this.loads) writer.finish();
    const finished = () => this.loads.every(({ writer }) => writer.isFinished);
    await eventually("all is acknowledged", finished, RESUME_LIMIT_MS);
    for (const [id, { writer, tunnel }] of this.loads.entries()) {
      writer.stop();
      assert.equal(this.server.sumOf(id), writer.sum, tunnel.mountPoint);
    }
    assert.equal(this.server.strangers, 0);
    assert.equal(this.server.lost, 0);
    for (const { tunnel } of this.loads) tunnel.unmount();
    await eventually("no file is left", () => this.files().length === 0).catch((error: Error) => {
      throw new Error(`${error.message}: ${this.files().join(" ")}\n${this.rig.lines.join("\n")}`);
    });
    // state files go last, and to look at all processes again and again takes long
    await eventually("no process is left", () => this.rig.processes().length === 0);
    for (const { tunnel } of this.loads) assert.equal(await tunnel.isListening(), false, tunnel.mountPoint);
  }

  /** What the state directory holds of tunnels. */
  files(): string[] {
    return readdirSync(this.rig.directory).filter((name) => name !== "watchdog.lock");
  }
}

/** How a tunnel is made that leads to a server and can renew its certificate. */
export async function tunnelTo({ port, address }: WritingServer, folder: string) {
  const key = `${folder}/key.pem`;
  writeFileSync(key, KEY_PEM);
  const now = new Date();
  const certificateCreationTime = utcTimeText(now);
  return {
    connect: port,
    address,
    identity: { key, pem: await certificate(now) },
    state: { fsId: "fs-1", commonName: "test-host", certificateCreationTime, privateKey: key },
  };
}
