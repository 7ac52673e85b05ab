import { lstatSync, watch } from "node:fs";

/**
 * Calls `changed` when names in a directory or the files behind them change (inotify(7)).
 *
 * @returns how to stop, or undefined where that cannot be watched: it is gone, or the limits are reached
 */
export function watchDirectory(path: string, changed: () => void): (() => void) | undefined {
  try {
    const watcher = watch(path, changed);
    watcher.on("error", changed);
    return () => watcher.close();
  } catch {
    return undefined;
  }
}

/** What a path leads to now, so that a watch on it can be told from one on its predecessor. */
export function identityOfFile(path: string): string | undefined {
  const stats = lstatSync(`${path}/`, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
