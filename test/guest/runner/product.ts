/** The mount helper under test, installed in the guest as on any machine. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { EfsFileSystem } from "../endpoint/endpoint.ts";
import { must, type Run, run, type Service } from "./command.ts";
import type { Guest } from "./guest.ts";
import { type Process, readProcess } from "./proc.ts";

export const CONFIGURATION = "/etc/amazon/efs";
export const LOGS = "/var/log/amazon/efs";
export const STATE = "/run/efs";
/** The running watchdog's own file among those of the tunnels. */
export const WATCHDOG_LOCK = "watchdog.lock";
const WATCHDOG_OUTPUT = "/run/watchdog.out";
const PRISTINE = "/run/pristine";
const PORTS = { lowest: 20049, highest: 20449 };

export const MOUNT_POINT = "/mnt/efs";

/** A few seconds, unless others keep this machine busy. */
const INSTALL_LIMIT_MS = 300_000;

/** Installs it. */
export async function install(repository: string): Promise<void> {
  const options = { timeoutMs: INSTALL_LIMIT_MS };
  await must(process.execPath, [join(repository, "bin/efs-utils"), "install"], options);
}

/** Lets it trust the test's CA, as the machine's administrator would: this is what `pristine` goes back to. */
export function trust(authority: string): void {
  cpSync(authority, join(CONFIGURATION, "efs-utils.crt"));
  // most guests' kernel has no packet filter; the scenario that is about it asks for it
  setKeys(join(CONFIGURATION, "efs-utils.conf"), { tunnel_access: "any" });
  cpSync(CONFIGURATION, PRISTINE, { recursive: true });
}

/** The state of a machine on which it was just installed (the key that all mounts share stays). */
export function pristine(): void {
  for (const name of readdirSync(CONFIGURATION))
    if (name !== "privateKey.pem") rmSync(join(CONFIGURATION, name), { recursive: true });
  cpSync(PRISTINE, CONFIGURATION, { recursive: true });
  for (const name of readdirSync(LOGS)) rmSync(join(LOGS, name), { recursive: true });
  rmSync(STATE, { recursive: true, force: true });
  rmSync("/etc/fstab", { force: true });
  writeFileSync("/etc/fstab", "");
}

/** Sets keys of an INI file, where they are (also commented out). */
export function setKeys(path: string, keys: Record<string, string>): void {
  let text = readFileSync(path, "utf8");
  for (const [key, value] of Object.entries(keys)) {
    const line = new RegExp(`^[#; ]*${key}\\s*[=:].*$`, "m");
    if (!line.test(text)) throw new Error(`${path} has no ${key}`);
    text = text.replace(line, `${key} = ${value}`);
  }
  writeFileSync(path, text);
}

export class Product {
  readonly #guest: Guest;
  constructor(guest: Guest) {
    this.#guest = guest;
  }

  configure(keys: Record<string, string>): void {
    setKeys(join(CONFIGURATION, "efs-utils.conf"), keys);
  }

  /** The watchdog, as an init system would run it; it is at work when this returns. */
  async startWatchdog(): Promise<Service> {
    const output = openSync(WATCHDOG_OUTPUT, "w");
    const starts = () => this.watchdogLog.split(" - Watching ").length;
    const before = starts();
    const service = this.#guest.service("/usr/bin/amazon-efs-mount-watchdog", [], output);
    await this.#guest.eventually("the watchdog watches", () => {
      if (!service.running) throw new Error(`the watchdog ended: ${readFileSync(WATCHDOG_OUTPUT, "utf8")}`);
      return starts() > before;
    });
    return service;
  }

  /** `mount -t efs`, whatever comes of it. */
  async tryMount(device: string, options: string[], path = MOUNT_POINT, timeoutMs = 60_000): Promise<Run> {
    mkdirSync(path, { recursive: true });
    const flags = options.length > 0 ? ["-o", options.join(",")] : [];
    return this.#guest.run("mount", ["-t", "efs", ...flags, device, path], { timeoutMs });
  }

  async mount(target: EfsFileSystem, options: string[] = ["tls"], path = MOUNT_POINT): Promise<Run> {
    const done = await this.tryMount(`${target.id}:/`, options, path);
    if (done.status !== 0) throw new Error(`mount: status ${done.status}\n${done.stdout}${done.stderr}`);
    return done;
  }

  /** What runs for its tunnels: stunnel, and what keeps it. */
  tunnelProcesses(): Process[] {
    return this.#guest.processes(({ argv }) =>
      argv.some((word) => word.startsWith(`${STATE}/`) || word.startsWith(`/var${STATE}/`)),
    );
  }

  /** Its stunnels, by the argument that is their configuration file. */
  stunnels(): Process[] {
    return this.tunnelProcesses().filter(
      ({ argv }) =>
        /(^|\/)stunnel\d?$/.test(argv[0] ?? "") && /\/stunnel-config\.[^/]+$/.test(argv.at(-1) ?? ""),
    );
  }

  /** The one stunnel of a mount, by the mount table's port. */
  stunnelOf(path: string): Process {
    const port = this.#guest.mountAt(path).options.get("port");
    const directory = readdirSync(STATE).find((name) => name.endsWith(`.${port}+`));
    if (directory === undefined) throw new Error(`no directory of port ${port} in ${readdirSync(STATE)}`);
    const pid = Number(readFileSync(join(STATE, directory, "stunnel.pid"), "utf8"));
    const process = readProcess(pid);
    if (process === undefined) throw new Error(`stunnel.pid says ${pid}, which does not run`);
    return process;
  }

  /** Ports of its range with a listener. */
  ports(): number[] {
    const { lowest, highest } = PORTS;
    return this.#guest.listeningPorts().filter((port) => port >= lowest && port <= highest);
  }

  stateFiles(): string[] {
    const names = existsSync(STATE) ? readdirSync(STATE).sort() : [];
    return names.filter((name) => name !== WATCHDOG_LOCK);
  }

  get log(): string {
    return readIfThere(join(LOGS, "mount.log"));
  }

  get watchdogLog(): string {
    return readIfThere(join(LOGS, "mount-watchdog.log"));
  }

  /** What is there of it: nothing, where no mount is. */
  traces(): string[] {
    const mounts = this.#guest.nfsMounts().map(({ line }) => line);
    const processes = this.tunnelProcesses().map(({ pid, argv }) => `${pid} ${argv.join(" ")}`);
    return [...mounts, ...processes, ...this.ports().map((port) => `port ${port}`), ...this.stateFiles()];
  }

  /** Waits until no mount, tunnel, port or file of it is left. */
  async gone(limitMs = 15_000): Promise<void> {
    let traces: string[] = [];
    try {
      await this.#guest.eventually(
        "tunnels, ports and files are gone",
        () => {
          traces = this.traces();
          return traces.length === 0;
        },
        limitMs,
      );
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}:\n${traces.join("\n")}`);
    }
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** A line of fstab. */
export function writeFstab(...lines: string[]): void {
  writeFileSync("/etc/fstab", `${lines.join("\n")}\n`);
  mkdirSync(dirname(MOUNT_POINT), { recursive: true });
}

/** How long the guest's node takes to start, as a yardstick for figures. */
export async function bareNode(): Promise<number> {
  return (await run(process.execPath, ["-e", "0"])).seconds;
}
