import { lstatSync, rmSync } from "node:fs";
import { posix } from "node:path";
import { EfsError } from "../../core/errors.ts";
import type { TunnelPaths } from "../../core/tunnel/names.ts";
import { roleOf, type TunnelMark } from "../../core/watchdog/processes.ts";
import { reason } from "../../system/errno.ts";
import { endWithin, sendSignal } from "../../system/signals.ts";
import { type TunnelProcesses, tunnelProcesses } from "./processes.ts";

/** How long processes have to end in order, and how long the kernel has to end them. */
const ORDERLY_MS = 1000;
const FORCED_MS = 1000;

/**
 * Ends a tunnel's processes: the keeper is asked to, which ends stunnel with it; what is left is forced.
 * Signals go to exactly the processes that were seen.
 *
 * @throws EfsError (system) where one of them does not end
 */
export async function endTunnelProcesses(
  { keeper, stunnel }: TunnelProcesses,
  mark: TunnelMark,
): Promise<void> {
  const seen = [keeper, stunnel].filter((facts) => facts !== undefined);
  const first = keeper ?? stunnel;
  if (first !== undefined) sendSignal(first, "SIGTERM");
  if (await endWithin(seen, ORDERLY_MS)) return;
  // a keeper that was killed leaves its stunnel, which may be another one by now
  for (const process of seen) sendSignal(process, "SIGKILL");
  await endWithin(seen, FORCED_MS);
  const left = tunnelProcesses(posix.dirname(mark.config)).filter(
    ({ argv }) => roleOf(argv, mark) !== undefined,
  );
  for (const process of left) sendSignal(process, "SIGKILL");
  if (await endWithin(left, FORCED_MS)) return;
  throw new EfsError("system", `process ${left.map(({ pid }) => pid).join(", ")} does not end`, {
    hint: "it is tried again later",
  });
}

/**
 * Deletes the files of a tunnel but its state file, which lets whoever is interrupted begin again. While its
 * port is still taken no helper can be using the same names. Of the files that its state names, only its own
 * go: those whose name has its base, in the state directory itself.
 *
 * @throws EfsError (system) where one of them cannot be deleted
 */
export function deleteTunnelFiles(base: string, paths: TunnelPaths, named: readonly string[]): void {
  const parent = posix.dirname(paths.stateFile);
  const own = named.filter(
    (path) => posix.basename(path).includes(base) && isSameDirectory(posix.dirname(path), parent),
  );
  for (const path of [...own, paths.stunnelConfig, paths.directory, paths.unfinishedStateFile])
    if (path !== paths.stateFile) deleteFile(path);
}

/** @throws EfsError (system) where it is there and cannot be deleted */
export function deleteFile(path: string): void {
  try {
    rmSync(path, { force: true, recursive: true });
  } catch (cause) {
    throw new EfsError("system", `cannot delete ${path}: ${reason(cause)}`, {
      hint: "check that the file system is writable",
      cause,
    });
  }
}

function isSameDirectory(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => lstatSync(`${path}/`, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
}
