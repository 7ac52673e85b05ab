import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type RunningTunnel, startTunnel } from "../../src/app/tunnel/start.ts";
import { stunnelPath } from "../../src/app/tunnel/stunnel.ts";
import { startWatchdog, type Watchdog } from "../../src/app/watchdog/watchdog.ts";
import { emptyConfig, parseConfig } from "../../src/core/config/config.ts";
import { EfsError } from "../../src/core/errors.ts";
import type { Port } from "../../src/core/ids.ts";
import type { MountEntry } from "../../src/core/nfs/mount-table.ts";
import { formatState, type TunnelState } from "../../src/core/state/state.ts";
import { type TunnelPaths, tunnelPaths } from "../../src/core/tunnel/names.ts";
import { type Policy, policyOf } from "../../src/core/watchdog/policy.ts";
import type { Kernel } from "../../src/system/kernel.ts";
import type { Log } from "../../src/system/log.ts";
import { bindPort } from "../../src/system/network.ts";
import { startDetached } from "../../src/system/process.ts";
import { findProcesses, isAlive, processFacts } from "../../src/system/procfs.ts";
import { mountEntry } from "./mount-entry.ts";

export { mountEntry };

export const KEEPER = new URL("../../src/keeper/efs-tunnel-keeper", import.meta.url).pathname;
export const STUNNEL = stunnelPath() ?? "/usr/bin/stunnel";

/** A tunnel in a rig's state directory. */
export interface RigTunnel {
  readonly base: string;
  readonly port: Port;
  readonly mountPoint: string;
  readonly paths: TunnelPaths;
  /** What its state file says now. */
  state(): TunnelState & Record<string, unknown>;
  mount(): void;
  unmount(): void;
  isListening(): Promise<boolean>;
}

interface TunnelOptions {
  readonly mounted?: boolean;
  /** How it runs: as our helper starts it, as others do, or not at all. */
  readonly runs?: "kept" | "alone" | "no";
  readonly state?: Record<string, unknown>;
  /** Its own port; one that the kernel chooses, unless told. */
  readonly port?: Port;
  /** Where its server listens; nobody answers where there is none. */
  readonly connect?: number;
  readonly address?: string;
  readonly identity?: { readonly key: string; readonly pem: string };
  /** Lines of stunnel's configuration about whom it trusts; nobody is checked, unless told. */
  readonly trust?: readonly string[];
  readonly unfinished?: boolean;
  /** Whether its stunnel says nowhere what it does, as other helpers' by default. */
  readonly silent?: boolean;
}

/** A state directory of its own, with real tunnels and a mount table that the test writes. */
export class Rig {
  readonly directory = mkdtempSync(join(tmpdir(), "efs-watchdog-"));
  readonly lines: string[] = [];
  readonly mounts = new Map<string, MountEntry>();
  readonly clients = new Set<number>();
  /** The kernel has a connection to these, also without a client. */
  readonly goodbyes = new Set<number>();
  /** The kernel's tables cannot be read. */
  isBlind = false;
  #changed: (() => void) | undefined;
  #count = 0;
  #isMounted = false;
  #watchdog: Watchdog | undefined;
  readonly #beforeCleanUp: (() => unknown)[] = [];

  constructor(test: TestContext) {
    test.after(() => this.#cleanUp());
  }

  /** Lets the state directory have so many KiB only. */
  limitSpace(kib: number): void {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "none", this.directory]);
    this.#isMounted = true;
  }

  readonly kernel: Kernel = {
    mounts: () => {
      if (this.isBlind) throw new EfsError("system", "the mount table cannot be read");
      return [...this.mounts.values()];
    },
    nfsClientPorts: () => this.clients,
    connectedPorts: () => this.goodbyes,
    watchMounts: (changed) => {
      this.#changed = changed;
      return () => {
        this.#changed = undefined;
      };
    },
  };

  get log(): Log {
    const at = (level: string) => (message: string) => void this.lines.push(`${level} ${message}`);
    return {
      debug: at("DEBUG"),
      info: at("INFO"),
      warning: at("WARNING"),
      error: at("ERROR"),
      critical: at("CRITICAL"),
    };
  }

  /** Starts a watchdog with a configuration file, and with settings that no file can have. */
  async watch(config = "", more: Partial<Policy> = {}): Promise<Watchdog> {
    const file = config === "" ? emptyConfig("test.conf") : parseConfig(config, "test.conf");
    const paths = { stateDirectory: this.directory, keeper: KEEPER, socketMaker: "/none" };
    const context = { paths, kernel: this.kernel, log: this.log, hostName: "test-host", version: "1.2.3" };
    this.#watchdog = await startWatchdog(context, {
      ...policyOf(file),
      // the packet filter is the whole machine's
      tunnelAccess: "any",
      ...more,
    });
    return this.#watchdog;
  }

  /** What the kernel would report by itself. */
  mountTableChanged(): void {
    this.#changed?.();
  }

  async tunnel(options: TunnelOptions = {}): Promise<RigTunnel> {
    const { mounted = true, runs = "kept", unfinished = false } = options;
    this.#count += 1;
    const mountPoint = `/mnt/efs${this.#count}`;
    const port = options.port ?? (await freePort());
    const base = `fs-0123456789abcde${this.#count}.mnt.efs${this.#count}.${port}`;
    const paths = tunnelPaths(this.directory, base);
    const tunnel: RigTunnel = {
      base,
      port,
      mountPoint,
      paths,
      state: () => JSON.parse(readFileSync(paths.stateFile, "utf8")),
      mount: () => {
        this.mounts.set(mountPoint, mountEntry(mountPoint, port));
        this.clients.add(port);
        this.mountTableChanged();
      },
      unmount: () => {
        this.mounts.delete(mountPoint);
        this.clients.delete(port);
        this.mountTableChanged();
      },
      isListening: () => isListening(port),
    };
    mkdirSync(paths.directory, { mode: 0o700 });
    const { connect = 1, address = "127.0.0.1", identity, trust = ["verify = 0"] } = options;
    if (identity !== undefined) writeFileSync(paths.certificate, identity.pem);
    const own = identity === undefined ? [] : [`cert = ${paths.certificate}`, `key = ${identity.key}`];
    writeFileSync(
      paths.stunnelConfig,
      stunnelConfig(port, paths, `${address}:${connect}`, {
        output: options.silent ? [] : [`output = ${paths.log}`],
        service: [...own, ...trust],
      }),
    );
    const started = await this.#run(runs, port, paths);
    if (mounted) tunnel.mount();
    const state = {
      cmd: [STUNNEL, paths.stunnelConfig],
      files: [paths.stunnelConfig],
      mountpoint: mountPoint,
      ...(identity === undefined ? {} : { certificate: paths.certificate }),
      ...started,
      ...options.state,
    };
    const path = unfinished ? paths.unfinishedStateFile : paths.stateFile;
    writeFileSync(path, formatState(state as unknown as TunnelState));
    return tunnel;
  }

  async #run(runs: TunnelOptions["runs"], port: Port, paths: TunnelPaths): Promise<Partial<TunnelState>> {
    if (runs === "no") return { pid: 4_194_304 };
    if (runs === "alone") {
      const { pid } = startDetached(STUNNEL, [paths.stunnelConfig], { output: 2, descriptors: [] });
      await eventually("stunnel listens", () => isListening(port));
      return { pid };
    }
    const { stunnel, keeper } = await startKept(port, paths);
    return { pid: stunnel.pid, pidStartTime: stunnel.startTime, keeper, inheritsSocket: true };
  }

  /** The processes of this rig's tunnels. */
  processes() {
    return findProcesses(({ argv }) => argv.some((argument) => argument.startsWith(`${this.directory}/`)));
  }

  /** Lines of the log that match. */
  logged(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }

  /** Does something before its tunnels are ended at the end of the test. */
  beforeCleanUp(action: () => unknown): void {
    this.#beforeCleanUp.push(action);
  }

  async #cleanUp(): Promise<void> {
    for (const action of this.#beforeCleanUp) await action();
    await this.#watchdog?.stop();
    while (this.processes().length > 0) {
      for (const { pid } of this.processes()) signal(pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.#isMounted) execFileSync("umount", ["--lazy", this.directory]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function startKept(port: Port, paths: TunnelPaths): Promise<RunningTunnel> {
  const socket = await bindPort(port);
  if (socket === undefined) throw new Error(`port ${port} is taken`);
  const starting = startTunnel({
    keeperProgram: KEEPER,
    stunnel: STUNNEL,
    paths,
    port,
    socket,
    networkNamespace: undefined,
  });
  socket.close();
  return starting;
}

function stunnelConfig(
  port: number,
  paths: TunnelPaths,
  connect: string,
  { output, service }: { readonly output: readonly string[]; readonly service: readonly string[] },
): string {
  return [
    "fips = no",
    "foreground = quiet",
    "socket = l:SO_REUSEADDR=yes",
    `pid = ${paths.pidFile}`,
    ...output,
    "syslog = no",
    "[efs]",
    "client = yes",
    `accept = 127.0.0.1:${port}`,
    `connect = ${connect}`,
    ...service,
    "delay = yes",
    "libwrap = no",
    "",
  ].join("\n");
}

/** A port that the kernel chose and that nobody has now. */
export async function freePort(): Promise<Port> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port as Port;
}

/** Whether somebody listens on the port, found out without connecting to it. */
export async function isListening(port: number): Promise<boolean> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  return readFileSync("/proc/net/tcp", "latin1").includes(` 0100007F:${hexPort} 00000000:0000 0A `);
}

/** Waits until something holds. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 40_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Sends a signal to one process; none where the pid is that of a group or of nobody. */
export function signal(pid: number, name: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, name);
  } catch {
    // it has ended already
  }
}

/** Ends a process at once and waits until it is gone. */
export async function kill(pid: number): Promise<void> {
  const facts = processFacts(pid);
  if (facts === undefined) return;
  signal(pid, "SIGKILL");
  await eventually(`process ${pid} is gone`, () => !isAlive(facts));
}
