/**
 * Boots a guest with a kernel of its own: Debian's user-mode-linux, with this machine's root as its
 * root, or another.
 * Runs one bundled program in it, hands its output and its records on as they come, and brings back its
 * exit status and its logs. Nothing that the guest does is written on this machine, except below one
 * temporary directory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureKernel, type Kernel, type KernelKind } from "./kernel.ts";
import { CACHE, ensurePackages } from "./packages.ts";

export interface BootOptions {
  /** Names what it leaves: the folder of .cache/last, which is replaced. */
  name: string;
  /** Text of the program (one bundled file) that the guest's node runs. */
  program: string;
  args?: string[];
  /** The node that runs it; this machine's where nothing is said. */
  node?: string;
  /**
   * The root directory of another system, which the guest has as its root: with nfs-kernel-server, and with what
   * ensurePackages sees to on this machine. `node` has to be below the repository then.
   */
  root?: string;
  /** Further files for the program, next to it: name → text. */
  files?: Record<string, string>;
  /**
   * Process 1 is systemd, with the files fstab and units/* of `files`; the program is run with `install` before
   * systemd starts, and then as the units say.
   */
  systemd?: boolean;
  /** A directory that it shares with other guests, under the same path in each and in its SHARED. */
  shared?: string;
  /** The fast one where nothing is said. */
  kernel?: KernelKind;
  /** The guest's memory; 1 GiB where nothing is said. */
  memory?: string;
  /** The whole run's limit, from launch to power-off. */
  timeoutMs: number;
  /** Ends the guest when it is aborted; the reason is told. */
  signal?: AbortSignal;
  /** Each line of the guest's console. */
  onLine?: (line: string) => void;
  /** Each line that the program appended to GUEST_OUT/records.jsonl. */
  onRecord?: (record: unknown) => void;
}

export interface GuestRun {
  /** The program's exit status. */
  status: number;
  seconds: number;
  /** When it ended, by performance.now(). */
  endedAt: number;
  lines: string[];
  /** What the guest left: logs/, run-efs.txt, dmesg.txt, records.jsonl. Kept until the next run of that name. */
  results: string;
}

/** The guest gave no result: it hung, or its kernel died. */
export class GuestFailure extends Error {
  override name = "GuestFailure";
  constructor(message: string, lines: string[]) {
    super(`${message}. Its last output:\n${lines.slice(-40).join("\n")}`);
  }
}

const LAST = join(CACHE, "last");
const REPOSITORY = join(import.meta.dirname, "../..");
/**
 * How many guests run at a time on this machine. Each has one processor at most, and waits for much of its time:
 * many of them only slow each other down.
 */
export const GUESTS_AT_A_TIME = Number(process.env.GUEST_LANES ?? Math.min(2, availableParallelism()));

export async function bootGuest(options: BootOptions): Promise<GuestRun> {
  const nfsServer = ensurePackages(options.onLine);
  const kernel = await ensureKernel(options.kernel ?? "fast", options.onLine);
  const release = await takeTurn(options.onLine);
  const out = mkdtempSync(join(tmpdir(), "efs-guest-"));
  const results = join(LAST, options.name);
  const lines: string[] = [];
  const begin = performance.now();
  let guest: ChildProcess | undefined;
  const stop = () => guest?.pid !== undefined && killGroup(guest.pid);
  const onExit = () => {
    stop();
    rmSync(out, { recursive: true, force: true });
    release();
  };
  const onSignal = () => process.exit(130);
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  process.once("exit", onExit);
  const records = new Tail(join(out, "records.jsonl"), (line) => options.onRecord?.(JSON.parse(line)));
  try {
    prepare(out, options, nfsServer);
    guest = launch(out, options, kernel);
    const ended = followOutput(guest, (line) => {
      lines.push(line);
      options.onLine?.(line);
    });
    const polling = setInterval(() => records.poll(), 100);
    const limits = [AbortSignal.timeout(options.timeoutMs), ...(options.signal ? [options.signal] : [])];
    const limit = AbortSignal.any(limits);
    await Promise.race([ended, new Promise((resolve) => limit.addEventListener("abort", resolve))]);
    clearInterval(polling);
    const endedAt = performance.now();
    stop();
    await ended;
    records.poll();
    const seconds = (endedAt - begin) / 1000;
    if (limit.aborted) {
      const { message } = limit.reason as Error;
      throw new GuestFailure(`the guest was stopped after ${seconds.toFixed(0)} s: ${message}`, lines);
    }
    const status = existsSync(join(out, "status")) ? readFileSync(join(out, "status"), "utf8").trim() : "";
    if (status === "") throw new GuestFailure("the guest ended without a result", lines);
    return { status: Number(status), seconds, endedAt, lines, results };
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    process.off("exit", onExit);
    stop();
    records.close();
    keepResults(out, results, lines);
    release();
  }
}

function prepare(out: string, options: BootOptions, nfsServer: string): void {
  mkdirSync(join(out, "uml"));
  copyFileSync(join(import.meta.dirname, "init.sh"), join(out, "init.sh"));
  chmodSync(join(out, "init.sh"), 0o755);
  writeFileSync(join(out, "program.mjs"), options.program);
  if (options.systemd) copyFileSync(join(import.meta.dirname, "systemd/systemd.sh"), join(out, "systemd.sh"));
  for (const [name, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(out, name)), { recursive: true });
    writeFileSync(join(out, name), text);
  }
  writeFileSync(join(out, "records.jsonl"), "");
  const { node = process.execPath, root } = options;
  const words = [node, "--enable-source-maps", join(out, "program.mjs"), ...(options.args ?? [])];
  const environment = {
    GUEST_OUT: out,
    NFS_SERVER: root === undefined ? nfsServer : "/",
    REPOSITORY,
    SHARED: options.shared ?? "",
  };
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  writeFileSync(join(out, "job.sh"), [...exports, `exec ${words.map(quoted).join(" ")} "$@"`, ""].join("\n"));
}

function launch(
  out: string,
  { timeoutMs, shared, root, memory = "1G" }: BootOptions,
  { program, modules, preload }: Kernel,
): ChildProcess {
  const limit = Math.ceil(timeoutMs / 1000) + 5;
  const args = [
    `mem=${memory}`,
    "root=/dev/root",
    "rootfstype=hostfs",
    "rootflags=/",
    "ro",
    "seccomp=auto",
    `init=${out}/init.sh`,
  ];
  args.push("quiet", "loglevel=3", "con=null", "con0=null,fd:1", `uml_dir=${out}/uml`, "noreboot");
  args.push(`GUEST_OUT=${out}`, `GUEST_LIMIT=${limit}`, `GUEST_MODULES=${modules}`);
  if (shared !== undefined) args.push(`GUEST_SHARED=${shared}`);
  if (root !== undefined) args.push(`GUEST_ROOT=${root}`, `GUEST_READS=${REPOSITORY}`);
  // The guest's memory is a file in TMPDIR, which it unlinks at once. Detached: a process group of its own.
  const env = { ...process.env, TMPDIR: "/dev/shm", ...(preload && { LD_PRELOAD: preload }) };
  return spawn(program, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
}

/** Calls back for each line; resolves when the guest has ended. */
function followOutput(guest: ChildProcess, onLine: (line: string) => void): Promise<void> {
  for (const stream of [guest.stdout, guest.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) onLine(part.replaceAll("\r", ""));
    });
    stream?.on("end", () => rest !== "" && onLine(rest));
  }
  return new Promise((resolve, reject) => {
    guest.once("error", reject);
    // "exit", not "close": a forgotten process of the guest could hold the pipe.
    guest.once("exit", () => setTimeout(resolve, 50));
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function keepResults(out: string, results: string, lines: string[]): void {
  rmSync(results, { recursive: true, force: true });
  rmSync(join(out, "uml"), { recursive: true, force: true });
  writeFileSync(join(out, "console.txt"), `${lines.join("\n")}\n`);
  cpSync(out, results, { recursive: true });
  rmSync(out, { recursive: true, force: true });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Waits until fewer than GUESTS_AT_A_TIME guests run; answers what ends this one's turn. */
async function takeTurn(say: (line: string) => void = () => {}): Promise<() => void> {
  const locks = Array.from({ length: GUESTS_AT_A_TIME }, (_, at) =>
    join(tmpdir(), `efs-guest-${at + 1}.lock`),
  );
  for (let waited = 0; ; waited++) {
    const mine = locks.find(takeLock);
    if (mine !== undefined) return () => rmSync(mine, { force: true });
    if (waited === 0) say(`waiting for other guests (processes ${locks.map(ownerOf).join(", ")})`);
    await sleep(500);
  }
}

/** Whether the lock is this process's now. That of a process which has ended is removed, for the next try. */
function takeLock(lock: string): boolean {
  try {
    const fd = openSync(lock, "wx");
    writeSync(fd, String(process.pid));
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const owner = ownerOf(lock);
  if (owner > 0 && !existsSync(`/proc/${owner}`)) rmSync(lock, { force: true });
  return false;
}

function ownerOf(lock: string): number {
  return Number(existsSync(lock) ? readFileSync(lock, "utf8") : 0);
}

/** Follows a file that the guest appends to. */
class Tail {
  readonly #path: string;
  readonly #onLine: (line: string) => void;
  #fd: number | undefined;
  #offset = 0;
  #rest = "";
  constructor(path: string, onLine: (line: string) => void) {
    this.#path = path;
    this.#onLine = onLine;
  }
  poll(): void {
    if (this.#fd === undefined && !existsSync(this.#path)) return;
    this.#fd ??= openSync(this.#path, "r");
    const buffer = Buffer.alloc(65536);
    for (;;) {
      const count = readSync(this.#fd, buffer, 0, buffer.length, this.#offset);
      if (count === 0) return;
      this.#offset += count;
      const parts = (this.#rest + buffer.toString("latin1", 0, count)).split("\n");
      this.#rest = parts.pop() ?? "";
      for (const part of parts) this.#onLine(Buffer.from(part, "latin1").toString("utf8"));
    }
  }
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}
