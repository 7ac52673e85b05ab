import type { ProcessIdentity } from "../core/state/state.ts";
import { readIfThere } from "./files.ts";
import { isAlive } from "./procfs.ts";

/** The file that a running watchdog has locked, and in which it says who it is. */
export function watchdogLockFile(stateDirectory: string): string {
  return `${stateDirectory}/watchdog.lock`;
}

/** A watchdog that runs. */
export interface RunningWatchdog extends ProcessIdentity {
  /** Of its package; undefined where it does not say. */
  readonly version: string | undefined;
}

/** The watchdog of a state directory, where one runs. Looks at files only, so that a mount can afford it. */
export function runningWatchdog(stateDirectory: string): RunningWatchdog | undefined {
  try {
    const identity: unknown = JSON.parse(readIfThere(watchdogLockFile(stateDirectory)) ?? "null");
    const { pid, startTime, version } = (identity ?? {}) as Partial<Record<keyof RunningWatchdog, unknown>>;
    if (typeof pid !== "number" || typeof startTime !== "number") return undefined;
    if (!isAlive({ pid, startTime })) return undefined;
    return { pid, startTime, version: typeof version === "string" ? version : undefined };
  } catch {
    return undefined;
  }
}
