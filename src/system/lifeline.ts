import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync, watch } from "node:fs";
import { Socket } from "node:net";
import type { ProcessIdentity } from "../core/state/state.ts";
import { readProcFile } from "./proc-file.ts";
import { isAlive } from "./procfs.ts";

/** The descriptor of keeper and stunnel that nobody else holds: a pipe, or a file that has been deleted. */
const LIFELINE_DESCRIPTOR = 4;
/** The part of open(2)'s flags that says for what a file was opened, and what it says for both. */
const ACCESS_MODE = 0o3;
const READ_AND_WRITE = 0o2;

/** So many descriptors are left for everything else: who has none left can mend nothing. */
const RESERVE = 64;

/**
 * A keeper's lifeline, to be handed to it as its descriptor 4: an empty file that has no name any more, so that the kernel
 * deletes it, and says so, when its last holder ends.
 *
 * @returns undefined where the directory takes no file: such a keeper has none
 */
export function makeLifeline(directory: string): number | undefined {
  const path = `${directory}/lifeline`;
  try {
    const descriptor = openSync(path, "w+", 0o600);
    unlinkSync(path);
    return descriptor;
  } catch {
    return undefined;
  }
}

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
 * works for those of earlier watchdogs too: it is reached through /proc/PID/fd (proc(5)), so it belongs to
 * exactly that process.
 *
 * @returns how to stop watching, or undefined where the process is dead or has no lifeline, or too many are open
 */
export function watchLifeline(process: ProcessIdentity, onDeath: () => void): (() => void) | undefined {
  if (!isOpenForBoth(process.pid)) return undefined;
  const stop = watchFile(process.pid, onDeath) ?? watchPipe(process.pid, onDeath);
  if (stop === undefined || isAlive(process)) return stop;
  stop();
  return undefined;
}

/** Reports the deletion of a file without a name (IN_DELETE_SELF, inotify(7)), which needs no descriptor. */
function watchFile(pid: number, onDeath: () => void): (() => void) | undefined {
  const path = pathOf(pid);
  try {
    const stats = statSync(path);
    if (!stats.isFile() || stats.nlink > 0) return undefined;
    const watcher = watch(path, (event) => {
      if (event !== "rename") return;
      watcher.close();
      onDeath();
    });
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return undefined;
  }
}

/** Reports that a pipe has no writer any more. */
function watchPipe(pid: number, onDeath: () => void): (() => void) | undefined {
  const descriptor = mayWatch() ? openPipe(pid) : undefined;
  if (descriptor === undefined) return undefined;
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

function pathOf(pid: number): string {
  return `/proc/${pid}/fd/${LIFELINE_DESCRIPTOR}`;
}

/**
 * Whether the descriptor is open for reading and writing. A stunnel that somebody else started may use it for one end
 * of a pipe of its own: what is read of that would be lost to it.
 */
function isOpenForBoth(pid: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readProcFile(`/proc/${pid}/fdinfo/${LIFELINE_DESCRIPTOR}`))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) === READ_AND_WRITE;
  } catch {
    return false;
  }
}

/** Opens the other end of a pipe. */
function openPipe(pid: number): number | undefined {
  try {
    // what is no pipe is not opened: a device may do something then
    if (!statSync(pathOf(pid)).isFIFO()) return undefined;
    const descriptor = openSync(pathOf(pid), constants.O_RDONLY | constants.O_NONBLOCK);
    if (fstatSync(descriptor).isFIFO()) return descriptor;
    closeSync(descriptor);
  } catch {
    // the process is gone
  }
  return undefined;
}
