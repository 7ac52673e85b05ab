import type { Namespaces, ProcessIdentity } from "../core/state/state.ts";
import { readIfThere } from "./files.ts";
import { lifeOf, ownNamespaces } from "./namespaces.ts";
import { ownIdentity } from "./procfs.ts";

/** The file that a running watchdog has locked, and in which it says who it is. */
export function watchdogLockFile(stateDirectory: string): string {
  return `${stateDirectory}/watchdog.lock`;
}

/** A watchdog that runs. */
export interface RunningWatchdog extends ProcessIdentity {
  /** Of its package; undefined where it does not say. */
  readonly version: string | undefined;
}

/** What a watchdog writes into the file that it has locked. */
export function watchdogMark(version: string): string {
  return JSON.stringify({ ...ownIdentity(), version, namespaces: ownNamespaces() });
}

/**
 * The watchdog of a state directory, where one runs. Looks at files only, so that a mount can afford it: one in a
 * container that cannot be looked into counts as running.
 */
export function runningWatchdog(stateDirectory: string): RunningWatchdog | undefined {
  try {
    const mark: unknown = JSON.parse(readIfThere(watchdogLockFile(stateDirectory)) ?? "null");
    const { pid, startTime, version, namespaces } = (mark ?? {}) as Partial<Record<string, unknown>>;
    if (typeof pid !== "number" || typeof startTime !== "number") return undefined;
    if (lifeOf({ pid, startTime }, namespaces as Namespaces | undefined) === "dead") return undefined;
    return { pid, startTime, version: typeof version === "string" ? version : undefined };
  } catch {
    return undefined;
  }
}
