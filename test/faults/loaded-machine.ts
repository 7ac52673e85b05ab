import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { startTunnel } from "../../src/app/tunnel.ts";
import type { Watchdog } from "../../src/app/watchdog.ts";
import { utcTimeText } from "../../src/core/certificate/certificate.ts";
import { formatState } from "../../src/core/state/state.ts";
import type { Policy } from "../../src/core/supervise/policy.ts";
import { bindPort } from "../../src/system/network.ts";
import { certificate, KEY_PEM } from "../app/tls-responder.ts";
import { eventually, KEEPER, kill, Rig, type RigTunnel, STUNNEL, signal } from "../app/watchdog-rig.ts";
import { Writer, WritingServer } from "./writing-load.ts";

const RESUME_LIMIT_MS = 15_000;
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
}

/** A server, tunnels to it that are watched, and a writer for each of them. */
export class LoadedMachine {
  readonly rig: Rig;
  readonly server: WritingServer;
  readonly loads: LoadedTunnel[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "efs-faults-"));
  readonly stunnelCopy = `${this.folder}/stunnel`;
  readonly #policy: Partial<Policy>;
  #watchdog: Watchdog | undefined;

  private constructor(rig: Rig, server: WritingServer, policy: Partial<Policy>) {
    this.rig = rig;
    this.server = server;
    this.#policy = policy;
  }

  static async start(test: Pick<TestContext, "after">, options: MachineOptions): Promise<LoadedMachine> {
    const server = await WritingServer.start();
    const rig = new Rig(test as TestContext);
    const machine = new LoadedMachine(rig, server, options.policy ?? {});
    test.after(async () => {
      for (const { writer } of machine.loads) writer.stop();
      await server.close();
      rmSync(machine.folder, { recursive: true, force: true });
    });
    if (options.spaceKib !== undefined) rig.limitSpace(options.spaceKib);
    if (options.ownStunnel === true) machine.replaceStunnel();
    const tunnel = await tunnelTo(server.port, machine.folder);
    for (let count = 0; count < options.tunnels; count += 1)
      machine.load(options.ownStunnel === true ? await machine.#ownTunnel(tunnel) : await rig.tunnel(tunnel));
    await machine.watch();
    await machine.resumes();
    for (const { writer } of machine.loads) writer.takeLongestGap();
    return machine;
  }

  load(tunnel: RigTunnel): void {
    this.loads.push({ tunnel, writer: new Writer(this.loads.length, tunnel.port) });
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

  async #ownTunnel(options: Awaited<ReturnType<typeof tunnelTo>>): Promise<RigTunnel> {
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
export async function tunnelTo(connect: number, folder: string) {
  const key = `${folder}/key.pem`;
  writeFileSync(key, KEY_PEM);
  const now = new Date();
  const certificateCreationTime = utcTimeText(now);
  return {
    connect,
    identity: { key, pem: await certificate(now) },
    state: { fsId: "fs-1", commonName: "test-host", certificateCreationTime, privateKey: key },
  };
}
