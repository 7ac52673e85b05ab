import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

const LIMIT_MS = 60_000;
const ROWS = 50;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program while this process goes on, as services in it must. */
export async function runProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
  });
  const ended = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = (await ended) as [number | null];
  return { status, stdout, stderr };
}

/** Runs a program on a terminal (script(1)) of so many columns; what it shows, line ends as files have them. */
export async function runOnTerminal(
  columns: number,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | null; readonly shown: string }> {
  const words = [program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const command = `stty cols ${columns} rows ${ROWS}; exec ${words}`;
  const shown = await runProgram("script", ["-qec", command, "/dev/null"], {
    TERM: "xterm-256color",
    SHELL: "/bin/sh",
    ...environment,
  });
  return { status: shown.status, shown: shown.stdout.replaceAll("\r\n", "\n") };
}
