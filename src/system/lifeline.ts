import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { ProcessIdentity } from "../core/state/state.ts";
import { readProcFile } from "./proc-file.ts";
import { isAlive } from "./procfs.ts";

/** The descriptor of keeper and stunnel that is a pipe with no other writer. */
const LIFELINE_DESCRIPTOR = 4;
/** The part of open(2)'s flags that says for what a file was opened, and what it says for both. */
const ACCESS_MODE = 0o3;
const READ_AND_WRITE = 0o2;

/** So many descriptors are left for everything else: who has none left can mend nothing. */
const RESERVE = 64;

let watched = 0;
let mostWatched: number | undefined;

/** Whether one more lifeline may be held open. */
function mayWatch(): boolean {
  const limit = () => /^Max open files\s+(\d+)/m.exec(readProcFile("/proc/self/limits"))?.[1];
  mostWatched ??= Number(limit() ?? Number.POSITIVE_INFINITY) - RESERVE;
  return watched < mostWatched;
}

/**
 * Calls `onDeath` once, as soon as the kernel has closed the lifeline of a tunnel's process because it died. This
 * works for those of earlier watchdogs too: the pipe is reached through /proc/PID/fd (proc(5)), so it belongs to
 * exactly that process.
 *
 * @returns how to stop watching, or undefined where the process is dead or has no lifeline, or too many are open
 */
export function watchLifeline(process: ProcessIdentity, onDeath: () => void): (() => void) | undefined {
  const descriptor = mayWatch() ? openLifeline(process.pid) : undefined;
  if (descriptor === undefined) return undefined;
  if (!fstatSync(descriptor).isFIFO() || !isAlive(process)) {
    closeSync(descriptor);
    return undefined;
  }
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
  watched += 1;
  pipe.once("close", () => {
    watched -= 1;
  });
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

/**
 * Opens the other end of a lifeline. A stunnel that somebody else started may use the descriptor for one end of a
 * pipe of its own: what is read of that would be lost to it.
 */
function openLifeline(pid: number): number | undefined {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readProcFile(`/proc/${pid}/fdinfo/${LIFELINE_DESCRIPTOR}`))?.[1];
    if (flags === undefined || (Number.parseInt(flags, 8) & ACCESS_MODE) !== READ_AND_WRITE) return undefined;
    return openSync(`/proc/${pid}/fd/${LIFELINE_DESCRIPTOR}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}
