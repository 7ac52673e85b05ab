import { closeSync, constants, fchmodSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { EfsError } from "../core/errors.ts";
import { reason } from "./errno.ts";
import { run } from "./process.ts";

/** Something that nobody else has at the same time, until it is released. */
export interface Lock {
  release(): void;
}

/**
 * Takes an exclusive lock on a file and keeps it until `release` or the end of this process, however it ends. flock(2)
 * belongs to the open file, so that flock(1) can take it on a descriptor it inherits. Whoever can open a file can lock
 * it: nobody else can open this one.
 *
 * @param waitMs how long to wait for whoever has it; 0 does not wait
 * @returns undefined where somebody else has it still
 * @throws EfsError (system) where the file cannot be opened or flock(1) does not run
 */
export async function takeLock(path: string, waitMs: number): Promise<Lock | undefined> {
  return (await lockOpened(path, waitMs))?.lock;
}

/**
 * Takes a lock whose file is there only while somebody has it, or was killed while he had it.
 *
 * @param signal ends the waiting
 * @throws as takeLock; the signal's reason
 */
export async function takePassingLock(
  path: string,
  waitMs: number,
  signal?: AbortSignal,
): Promise<Lock | undefined> {
  const end = performance.now() + waitMs;
  for (;;) {
    const taken = await lockOpened(path, Math.max(end - performance.now(), 0), signal);
    if (taken === undefined) return undefined;
    const { lock, descriptor } = taken;
    if (fstatSync(descriptor).ino === statSync(path, { throwIfNoEntry: false })?.ino) {
      return {
        release: () => {
          rmSync(path, { force: true });
          lock.release();
        },
      };
    }
    // whoever had it has taken the file away: the one that counts is the next
    lock.release();
  }
}

async function lockOpened(
  path: string,
  waitMs: number,
  signal?: AbortSignal,
): Promise<{ lock: Lock; descriptor: number } | undefined> {
  const descriptor = open(path);
  const patience = waitMs === 0 ? ["--nonblock"] : ["--timeout", (waitMs / 1000).toFixed(3)];
  const lock = { release: () => closeSync(descriptor) };
  try {
    const result = await run("/usr/bin/flock", [...patience, "--exclusive", "3"], {
      timeoutMs: waitMs + 5000,
      descriptors: [descriptor],
      signal,
    });
    signal?.throwIfAborted();
    if (result.status === 0) return { lock, descriptor };
    if (result.status !== 1) throw unusable(path, result.stderr.trim());
    lock.release();
    return undefined;
  } catch (error) {
    lock.release();
    throw error;
  }
}

const LOCK_MODE = 0o600;

function open(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const descriptor = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, LOCK_MODE);
    if ((fstatSync(descriptor).mode & 0o777) !== LOCK_MODE) fchmodSync(descriptor, LOCK_MODE);
    return descriptor;
  } catch (cause) {
    throw new EfsError("system", `cannot open ${path} to lock it: ${reason(cause)}`, {
      hint: "check that its directory is there and writable",
      cause,
    });
  }
}

function unusable(path: string, why: string): EfsError {
  return new EfsError("system", `cannot lock ${path}: ${why || "flock(1) failed"}`, {
    hint: "install util-linux",
  });
}
