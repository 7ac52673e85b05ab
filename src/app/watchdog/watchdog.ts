import { writeFileSync } from "node:fs";
import { EfsError } from "../../core/errors.ts";
import type { Policy } from "../../core/watchdog/policy.ts";
import { makeDirectory } from "../../system/files.ts";
import { takeLock } from "../../system/lock.ts";
import { runningWatchdog, watchdogLockFile, watchdogMark } from "../../system/watchdog-lock.ts";
import type { WatchdogContext } from "./tunnel-reconciler.ts";
import { WatchLoop } from "./watch-loop.ts";

/** A watchdog that watches. */
export interface Watchdog {
  reload(policy: Policy): void;
  /** Ends the watching; tunnels run on. */
  stop(): Promise<void>;
  /** What it looks after, in a reader's words. */
  readonly summary: string;
  /** Calls `looked` after each look at the tunnels. */
  follow(looked: () => void): void;
  /** For how long no look at the tunnels has succeeded, in milliseconds; 0 while they do. */
  readonly failingMs: number;
}

/**
 * Becomes the watchdog of a state directory, and takes over what is there. When it returns, all tunnels that
 * need something are being seen to.
 *
 * @throws EfsError (usage) where the directory has a watchdog, (system) where the directory cannot be made
 */
export async function startWatchdog(context: WatchdogContext, policy: Policy): Promise<Watchdog> {
  const { stateDirectory } = context.paths;
  makeDirectory(stateDirectory, policy.stateDirectoryMode);
  const lockFile = watchdogLockFile(stateDirectory);
  const lock = await takeLock(lockFile, 0);
  if (lock === undefined) {
    const other = runningWatchdog(stateDirectory);
    const who = other === undefined ? "another watchdog" : `another watchdog, process ${other.pid},`;
    throw new EfsError("usage", `${who} already watches ${stateDirectory}`, {
      hint: "one is enough: end it first if this one is to take its place",
    });
  }
  // into the locked file itself: a new one in its place would not be locked
  writeFileSync(lockFile, watchdogMark(context.version));
  const loop = new WatchLoop(context, policy);
  loop.start();
  return {
    reload: (changed) => loop.reload(changed),
    stop: async () => {
      await loop.stop();
      writeFileSync(lockFile, "");
      lock.release();
    },
    get summary() {
      return loop.summary;
    },
    follow: (looked) => loop.follow(looked),
    get failingMs() {
      return loop.failingMs;
    },
  };
}
