import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import type { ProcessIdentity } from "../core/state/state.ts";
import { isAlive } from "./procfs.ts";

/** The keeper's descriptor that is a pipe with no other writer. */
const LIFELINE_DESCRIPTOR = 4;

/**
 * Calls `onDeath` once, as soon as the kernel has closed the keeper's lifeline because it died. This works
 * for keepers of earlier watchdogs too: the pipe is reached through /proc/PID/fd (proc(5)), so it belongs
 * to exactly that process.
 *
 * @returns how to stop watching, or undefined where the keeper is dead or has no lifeline
 */
export function watchLifeline(keeper: ProcessIdentity, onDeath: () => void): (() => void) | undefined {
  let descriptor: number;
  try {
    const path = `/proc/${keeper.pid}/fd/${LIFELINE_DESCRIPTOR}`;
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  if (!isAlive(keeper)) {
    closeSync(descriptor);
    return undefined;
  }
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
  let watching = true;
  const end = () => {
    if (watching) onDeath();
    watching = false;
    pipe.destroy();
  };
  pipe.once("end", end).once("error", end).resume();
  return () => {
    watching = false;
    pipe.destroy();
  };
}
