import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** What it reads of a state file. */
interface OtherState {
  pid: number;
  readonly cmd: readonly string[];
  readonly files: readonly string[];
  readonly mountpoint: string;
}

/**
 * What another helper's watchdog does with our state files, as far as it matters to a tunnel: it looks at their
 * `pid` alone, starts `cmd` where that does not live, and ends the pid's process group after the unmount.
 */
export class OtherWatchdog {
  readonly #directory: string;
  readonly #isMounted: (mountPoint: string) => boolean;
  /** The process ids of the tunnels that it has started. */
  readonly started: number[] = [];

  constructor(directory: string, isMounted: (mountPoint: string) => boolean) {
    this.#directory = directory;
    this.#isMounted = isMounted;
  }

  /** One of its rounds, of which there is one a second. */
  round(): void {
    for (const name of readdirSync(this.#directory)) {
      if (/^fs-.*\.\d+$/.test(name)) this.#look(`${this.#directory}/${name}`);
    }
  }

  #look(path: string): void {
    const state = JSON.parse(readFileSync(path, "utf8")) as OtherState;
    if (!this.#isMounted(state.mountpoint)) {
      if (isRunning(state.pid)) process.kill(-groupOf(state.pid), "SIGTERM");
      for (const file of [...state.files, path]) rmSync(file, { force: true });
      return;
    }
    if (isRunning(state.pid)) return;
    const [program = "", ...args] = state.cmd;
    state.pid = spawn(program, args, { detached: true, stdio: "ignore" }).pid ?? -1;
    this.started.push(state.pid);
    writeFileSync(`${this.#directory}/~new`, pythonJson(state));
    renameSync(`${this.#directory}/~new`, path);
  }
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

/** JSON as Python's json.dumps() spells it, with a blank behind each comma and colon. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonJson(item)}`);
  return `{${pairs.join(", ")}}`;
}
