import { spawn } from "node:child_process";
import type { Options } from "execa";
import { EfsError } from "../core/errors.ts";
import { reason } from "./files.ts";

/** The environment of every child: nothing of the caller's gets through. */
export const CHILD_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C",
  LC_ALL: "C",
};

export interface RunOptions {
  readonly timeoutMs: number;
  /** Ends the child when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What the child finds as descriptors 3, 4, ... */
  readonly descriptors?: readonly number[];
  /** Variables it gets beside those of every child. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunResult {
  /** The exit status; undefined where a signal ended the child. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly aborted: boolean;
}

/** Longest output kept of one child, in characters. */
const LONGEST_OUTPUT = 1024 * 1024;
/** How long a child has between SIGTERM and SIGKILL. */
const GRACE_MS = 1000;

/** Loads what `run` needs, for a moment in which there is nothing else to do. */
export function prepareToRun(): void {
  void import("../lazy/execa.ts");
}

/**
 * Runs a program to its end, or to the end of the time it has.
 *
 * @param file absolute path; no shell is involved
 * @throws EfsError (system) where it cannot be started
 */
export async function run(file: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { execa } = await import("../lazy/execa.ts");
  const result = await execa(file, args, {
    reject: false,
    stdio: stdio("ignore", "pipe", "pipe", ...(options.descriptors ?? [])),
    env: { ...CHILD_ENVIRONMENT, ...options.environment },
    extendEnv: false,
    cwd: "/",
    timeout: options.timeoutMs,
    forceKillAfterDelay: GRACE_MS,
    maxBuffer: LONGEST_OUTPUT,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (result.failed && result.exitCode === undefined && result.signal === undefined) {
    if (!result.timedOut && !result.isCanceled) throw cannotRun(file, result.cause ?? result);
  }
  return {
    status: result.exitCode,
    stdout: String(result.stdout ?? ""),
    stderr: String(result.stderr ?? ""),
    timedOut: result.timedOut,
    aborted: result.isCanceled,
  };
}

/** A child that tells of events for as long as this process runs. */
export interface Reporter {
  /** Resolves when it tells of nothing more. */
  readonly ended: Promise<void>;
  stop(): void;
}

const SETPRIV = "/usr/bin/setpriv";

/**
 * Starts a program that writes whenever something happens. The kernel ends it with this process, however
 * that ends (PR_SET_PDEATHSIG, set by setpriv(1)).
 *
 * @param program its path, and its arguments
 * @param onOutput called when it has written something
 * @throws EfsError (system) where it cannot be started
 */
export function startReporter(program: readonly string[], onOutput: () => void): Reporter {
  const child = spawn(SETPRIV, ["--pdeathsig", "TERM", ...program], {
    stdio: ["ignore", "pipe", "ignore"],
    env: CHILD_ENVIRONMENT,
    cwd: "/",
  });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.stdout.once("close", resolve);
  });
  if (child.pid === undefined) throw cannotRun(program[0] ?? SETPRIV, "it was not started");
  child.stdout.on("data", onOutput);
  return { ended, stop: () => child.kill() };
}

/** A child that is meant to outlive this process. */
export interface DetachedProcess {
  readonly pid: number;
  /** Resolves with its status when it ends while this process still runs. */
  readonly ended: Promise<number | undefined>;
}

/**
 * Starts a program in a session and process group of its own, with nothing of ours open but the given
 * descriptors.
 *
 * @throws EfsError (system) where it cannot be started
 */
export function startDetached(
  file: string,
  args: readonly string[],
  { output, descriptors }: { output: number; descriptors: readonly number[] },
): DetachedProcess {
  const child = spawn(file, args, {
    detached: true,
    stdio: ["ignore", output, output, ...descriptors],
    env: CHILD_ENVIRONMENT,
    cwd: "/",
  });
  const ended = new Promise<number | undefined>((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("exit", (status) => resolve(status ?? undefined));
  });
  if (child.pid === undefined) throw cannotRun(file, "it was not started");
  child.unref();
  return { pid: child.pid, ended };
}

/** execa hands any descriptor on, but its types know those up to 9 only. */
function stdio(...streams: ("ignore" | "pipe" | number)[]): NonNullable<Options["stdio"]> {
  return streams as unknown as NonNullable<Options["stdio"]>;
}

function cannotRun(file: string, cause: unknown): EfsError {
  return new EfsError("system", `cannot run ${file}: ${reason(cause)}`, {
    hint: "check that it is installed and executable, and that the machine has memory and processes left",
    cause,
  });
}
