import { type ChildProcess, spawn } from "node:child_process";
import { EfsError } from "../core/errors.ts";
import { reason } from "./errno.ts";

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
  /** What it reads from standard input; nothing where it is not given. */
  readonly input?: string;
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
/** How long the output of a child that has ended may still come. */
const OUTPUT_GRACE_MS = 250;

/** Programs that are waited for. One that nobody waits for any more ends with this process. */
const awaited = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of awaited) child.kill("SIGKILL");
});

/**
 * Runs a program to its end, or to the end of the time it has. This is node's own spawn and not execa, which
 * costs a mount as much time as a third of node's start.
 *
 * @param file absolute path; no shell is involved
 * @throws EfsError (system) where it cannot be started
 */
export async function run(file: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const child = spawn(file, args, {
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe", ...(options.descriptors ?? [])],
    env: { ...CHILD_ENVIRONMENT, ...options.environment },
    cwd: "/",
  });
  awaited.add(child);
  // one that ends without reading has its status to say so
  child.stdin?.on("error", () => {}).end(options.input);
  const [stdout, stderr] = [collect(child, "stdout"), collect(child, "stderr")];
  let timedOut = false;
  let giveUp = () => {};
  const end = endLater(child, () => giveUp());
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal?.addEventListener("abort", end);
  if (options.signal?.aborted) end();
  try {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      child.once("error", (error) => reject(cannotRun(file, error)));
      child.once("close", (code) => resolve(code ?? undefined));
      // what the program left running may keep its output open for ever; what is there by now is read first
      child.once("exit", (code) =>
        setTimeout(() => setImmediate(resolve, code ?? undefined), OUTPUT_GRACE_MS),
      );
      giveUp = () => resolve(undefined);
    });
    const aborted = options.signal?.aborted ?? false;
    return { status, stdout: stdout(), stderr: stderr(), timedOut, aborted };
  } finally {
    clearTimeout(timer);
    awaited.delete(child);
    options.signal?.removeEventListener("abort", end);
  }
}

/** What a child has written so far; more than the longest output is passed over. */
function collect(child: ChildProcess, name: "stdout" | "stderr"): () => string {
  let text = "";
  const stream = child[name];
  stream?.setEncoding("utf8").on("data", (part: string) => {
    text = `${text}${part}`.slice(0, LONGEST_OUTPUT);
  });
  return () => {
    stream?.destroy();
    return text;
  };
}

/** Asks a child to end, forces it after a while, and gives up on one that even that does not end. */
function endLater(child: ChildProcess, giveUp: () => void): () => void {
  return () => {
    child.kill("SIGTERM");
    const force = setTimeout(() => {
      child.kill("SIGKILL");
      // a process that the kernel does not let go, as one in a hung mount(2), must not hold this one
      setTimeout(giveUp, GRACE_MS).unref();
    }, GRACE_MS);
    child.once("exit", () => clearTimeout(force));
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

/** A child that this process talks to, and that ends with it. */
export interface Peer {
  say(message: object): void;
  /** Resolves when it ends, with what it wrote to standard error. */
  readonly ended: Promise<string>;
  stop(): void;
}

/**
 * Starts a program of node's that messages go to and come from, with sockets where it hands some over.
 *
 * @param program its path, and its arguments
 */
export function startPeer(
  program: readonly [file: string, ...args: string[]],
  onMessage: (message: unknown, socket: unknown) => void,
): Peer {
  const [file, ...args] = program;
  const child = spawn(file, args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: CHILD_ENVIRONMENT,
    cwd: "/",
  });
  const stderr = collect(child, "stderr");
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(reason(error)));
    child.once("close", () => resolve(stderr()));
  });
  child.on("message", onMessage);
  return {
    say: (message) => {
      // one that does not hear it any more has ended
      if (child.connected) child.send(message, () => {});
    },
    ended,
    stop: () => {
      child.kill("SIGKILL");
    },
  };
}

/** A child that is meant to outlive this process. */
export interface DetachedProcess {
  readonly pid: number;
  /** Resolves with its status when it ends while this process still runs. */
  readonly ended: Promise<number | undefined>;
}

export interface DetachedOptions {
  /** Where it writes what it says. */
  readonly output: number | "ignore";
  /** What it finds as descriptors 3, 4, ...; one that is ignored is not open. */
  readonly descriptors: readonly (number | "ignore")[];
  /** Variables it gets beside those of every child. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
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
  { output, descriptors, environment }: DetachedOptions,
): DetachedProcess {
  const child = spawn(file, args, {
    detached: true,
    stdio: ["ignore", output, output, ...descriptors],
    env: { ...CHILD_ENVIRONMENT, ...environment },
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

function cannotRun(file: string, cause: unknown): EfsError {
  return new EfsError("system", `cannot run ${file}: ${reason(cause)}`, {
    hint: "check that it is installed and executable, and that the machine has memory and processes left",
    cause,
  });
}
