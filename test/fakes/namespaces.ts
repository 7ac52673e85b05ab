import { type StdioOptions, spawnSync } from "node:child_process";
import { test } from "node:test";

const INSIDE = "--inside";
/** For one program of the system, and, unless told otherwise, for all tests of a file. */
const LIMIT_MS = 120_000;

/** The first process of a pid namespace: orphans are its children, which it has to wait for. */
const INIT = ["/bin/sh", "-c", '"$@"; exit $?', "init"];

/** With a pipe of node's as its input, a socket, bash takes itself for a remote shell and reads ~/.bashrc. */
const STDIO: StdioOptions = ["ignore", "pipe", "pipe"];

/** Why namespaces cannot be made, for tests to be skipped with; false where they can. */
export const NO_NAMESPACES = process.getuid?.() !== 0 && "only root can make namespaces";

/**
 * Runs a test file's tests in namespaces of their own, where its network is its own loopback device: ports
 * and addresses are taken from nobody, and no name resolves. The file is started again there; what it reports
 * is what the copy reports. Everything ends with it.
 *
 * @param kinds as unshare(1) calls them, beside `--net`
 * @param limitMs how long all of them may take
 */
export async function inNamespaces(
  kinds: readonly string[],
  tests: () => Promise<void> | void,
  limitMs = LIMIT_MS,
): Promise<void> {
  if (NO_NAMESPACES !== false) {
    test("in namespaces", { skip: NO_NAMESPACES }, () => {});
    return;
  }
  if (process.argv[2] === INSIDE) {
    run("ip", "link", "set", "lo", "up");
    await tests();
    return;
  }
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? "", INSIDE];
  const again = kinds.includes("--pid") ? [...INIT, ...program] : program;
  const namespaces = ["--net", ...kinds, "--fork", "--kill-child"];
  const { status } = spawnSync("setpriv", ["--pdeathsig", "KILL", "unshare", ...namespaces, ...again], {
    stdio: "inherit",
    timeout: limitMs,
    // unshare(1) ignores SIGTERM
    killSignal: "SIGKILL",
  });
  process.exitCode = status ?? 1;
}

/** Runs a program of the system, which must succeed. */
export function run(file: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(file, args, {
    encoding: "utf8",
    stdio: STDIO,
    timeout: LIMIT_MS,
  });
  if (status !== 0) throw error ?? new Error(`${file} ${args.join(" ")} ended with ${status}: ${stderr}`);
}

/** Gives the loopback device more addresses. */
export function addAddresses(...addresses: string[]): void {
  for (const address of addresses) run("ip", "address", "add", address, "dev", "lo", "nodad");
}
