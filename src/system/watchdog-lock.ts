import type { ProcessIdentity } from "../core/state/state.ts";
import { readIfThere } from "./files.ts";
import { isAlive } from "./procfs.ts";

/** The file that a running watchdog has locked, and in which it says who it is. */
export function watchdogLockFile(stateDirectory: string): string {
  return `${stateDirectory}/watchdog.lock`;
}

/** The watchdog of a state directory, where one runs. Looks at files only, so that a mount can afford it. */
export function runningWatchdog(stateDirectory: string): ProcessIdentity | undefined {
  try {
    const identity: unknown = JSON.parse(readIfThere(watchdogLockFile(stateDirectory)) ?? "null");
    const { pid, startTime } = (identity ?? {}) as Partial<ProcessIdentity>;
    if (typeof pid !== "number" || typeof startTime !== "number") return undefined;
    return isAlive({ pid, startTime }) ? { pid, startTime } : undefined;
  } catch {
    return undefined;
  }
}
