/** Child processes with a time limit: a mount whose tunnel is gone must never hang the harness itself. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { setImmediate as nextRound, setTimeout as sleep } from "node:timers/promises";

/** What a node that does nothing takes in a guest on a machine that does nothing else, and the most that is allowed for. */
const IDLE_NODE_MS = 800;
const MAX_SLOWNESS = 6;

/** How many times as long as on an idle machine programs take, 1 at least: all time limits are stretched by it. */
export const slowness = measureSlowness();

function measureSlowness(): number {
  const begin = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return Math.min(Math.max((performance.now() - begin) / IDLE_NODE_MS, 1), MAX_SLOWNESS);
}

export interface RunOptions {
  timeoutMs?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  input?: string;
}

export interface Run {
  command: string;
  /** null: it was ended by a signal. */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  seconds: number;
  timedOut: boolean;
}

export async function run(program: string, args: string[] = [], options: RunOptions = {}): Promise<Run> {
  const begin = performance.now();
  const settings: SpawnOptions = { detached: true, stdio: "pipe", cwd: options.cwd ?? "/" };
  if (options.env !== undefined) settings.env = options.env;
  const child = spawn(program, args, settings);
  const stdout = collect(child, "stdout");
  const stderr = collect(child, "stderr");
  child.stdin?.on("error", () => {}); // It need not read its input.
  child.stdin?.end(options.input ?? "");
  let timedOut = false;
  const timers: NodeJS.Timeout[] = [];
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, by) => resolve([code, by]));
    const stop = () => {
      timedOut = true;
      killGroup(child);
      // It may wait in the kernel, deaf even to SIGKILL.
      timers.push(setTimeout(resolve, 2_000, [null, null]));
    };
    timers.push(setTimeout(stop, (options.timeoutMs ?? 30_000) * slowness));
  });
  for (const timer of timers) clearTimeout(timer);
  const seconds = (performance.now() - begin) / 1000;
  // Not "close": what the command left running may hold its pipes for ever. What it wrote itself is in them by now,
  // and has been read when the event loop has gone round once more, however busy this process is.
  const read = sleep(200).then(() => nextRound());
  await Promise.race([Promise.all([stdout.ended, stderr.ended]), read]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  const command = [program, ...args].join(" ");
  return { command, status, signal, stdout: stdout.text(), stderr: stderr.text(), seconds, timedOut };
}

function collect(child: ChildProcess, name: "stdout" | "stderr") {
  const stream = child[name];
  let text = "";
  stream?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const ended = new Promise<void>((resolve) => stream?.once("end", resolve));
  return { text: () => text, ended };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Runs a command that has to succeed; answers its output. */
export async function must(program: string, args: string[] = [], options: RunOptions = {}): Promise<string> {
  const done = await run(program, args, options);
  if (done.status !== 0) throw new Error(describe(done));
  return done.stdout;
}

export function describe(done: Run): string {
  const end = done.timedOut ? "time limit" : (done.signal ?? `status ${done.status}`);
  const output = [done.stdout, done.stderr].map((text) => text.trimEnd()).filter((text) => text !== "");
  const indented = output.flatMap((text) => text.split("\n")).map((line) => `\n    ${line}`);
  return `$ ${done.command} → ${end} in ${done.seconds.toFixed(2)} s${indented.join("")}`;
}

/** Waits until a predicate holds. */
export async function eventually<T>(
  what: string,
  predicate: () => T | Promise<T>,
  limitMs = 10_000,
  everyMs = 50,
): Promise<NonNullable<Exclude<T, false>>> {
  const begin = performance.now();
  for (;;) {
    const value = await predicate();
    if (value) return value as NonNullable<Exclude<T, false>>;
    if (performance.now() - begin > limitMs * slowness)
      throw new Error(`not within ${(limitMs / 1000) * slowness} s: ${what}`);
    await sleep(everyMs);
  }
}

/** A child process that runs on until it is stopped; its output goes to a file. */
export class Service {
  readonly child: ChildProcess;
  readonly #ended: Promise<void>;
  constructor(program: string, args: string[], output: number | "ignore", env?: NodeJS.ProcessEnv) {
    const options: SpawnOptions = { detached: true, stdio: ["ignore", output, output], cwd: "/" };
    if (env !== undefined) options.env = env;
    this.child = spawn(program, args, options);
    this.#ended = new Promise((resolve) => {
      this.child.once("exit", () => resolve());
      this.child.once("error", () => resolve());
    });
  }
  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.child.spawnfile} did not start`);
    return this.child.pid;
  }
  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined;
  }
  async stop(signal: NodeJS.Signals = "SIGTERM", limitMs = 5_000): Promise<void> {
    if (this.running) this.child.kill(signal);
    await Promise.race([this.#ended, sleep(limitMs)]);
    if (this.running) this.child.kill("SIGKILL");
    await Promise.race([this.#ended, sleep(1_000)]);
  }
}
