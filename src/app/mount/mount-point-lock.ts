import { createHash } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { asEfsError, EfsError, oneLine } from "../../core/errors.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { makeDirectory, makePrivateDirectory, readIfThere } from "../../system/files.ts";
import { type Lock, takePassingLock } from "../../system/lock.ts";
import type { MountContext } from "../context.ts";

/** One helper's turn at a mount point. */
export interface Turn {
  /** Rejects with an EfsError (mount) where it has not come in time, or with the signal's reason. */
  readonly come: Promise<void>;
  /** Whom it waits for, while it does. */
  waitsFor(): string | undefined;
  /** Gives it up, or ends the waiting for it. */
  end(): void;
}

/**
 * Asks for the turn at a mount point. Whoever asks for a mount again while the first helper is still at work, as
 * kubelet does, would otherwise mount a second time, over the first.
 *
 * Where no lock can be had, as on a read-only file system, mounts are not kept apart, and the log says so.
 *
 * @param timeLeftMs how long it may still be waited for
 */
export function askForTurn(request: MountRequest, timeLeftMs: () => number, context: MountContext): Turn {
  const { mountPoint } = request;
  const { turns } = context.paths;
  const path = `${turns}/${turnName(request)}`;
  const given = new AbortController();
  const signal = AbortSignal.any([context.signal, given.signal]);
  let lock: Lock | undefined;
  let isWaiting = false;
  const describe = () => {
    const pid = /^\d+$/.exec(readIfThere(path) ?? "")?.[0];
    return `another mount.efs${pid === undefined ? "" : `, process ${pid},`} is at work there`;
  };
  const release = () => {
    lock?.release();
    lock = undefined;
  };
  const attempt = async (waitMs: number) => {
    lock = await takePassingLock(path, waitMs, signal);
    // it may come in the moment in which nobody wants it any more
    if (signal.aborted) release();
    signal.throwIfAborted();
    return lock !== undefined;
  };
  const take = async () => {
    makeDirectory(posix.dirname(turns), 0o755);
    makePrivateDirectory(turns);
    if (!(await attempt(0))) {
      const what = `Waiting for ${mountPoint}: ${describe()}`;
      isWaiting = true;
      context.log.info(what);
      context.step(what);
      if (!(await attempt(timeLeftMs()))) throw busy();
      isWaiting = false;
    }
    writeFileSync(path, `${process.pid}`);
  };
  const busy = () =>
    new EfsError("mount", `${mountPoint} was not free for a mount in time: ${describe()}`, {
      hint: "let it end, or end it, and mount again",
    });
  const come = take().catch((error: unknown) => {
    const failure = asEfsError(error);
    if (signal.aborted || failure.kind !== "system") throw error;
    context.log.warning(`Nobody else is kept from mounting at ${mountPoint}: ${oneLine(failure)}`);
  });
  come.catch(() => {});
  return {
    come,
    waitsFor: () => (isWaiting ? describe() : undefined),
    end: () => {
      given.abort();
      release();
    },
  };
}

/** The name of a mount point's lock: of its path in its mount namespace. */
function turnName({ mountNamespace, mountPoint }: MountRequest): string {
  const namespace = inode(mountNamespace ?? "/proc/self/ns/mnt");
  return createHash("sha256").update(`${namespace}:${mountPoint}`).digest("hex");
}

/** Undefined for what is not there, which is told of when it is used. */
function inode(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
