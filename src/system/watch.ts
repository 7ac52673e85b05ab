import { lstatSync, watch } from "node:fs";

/**
 * Calls `changed` when a file, or names in a directory or the files behind them, change (inotify(7)); once for all
 * changes that come together, and not at once: the event loop hands out changes, before all else, for as long as there are
 * new ones, and whoever writes may be faster than who looks.
 *
 * @returns how to stop, or undefined where that cannot be watched: it is gone, or the limits are reached
 */
export function watchPath(path: string, changed: () => void): (() => void) | undefined {
  let next: NodeJS.Immediate | undefined;
  const soon = () => {
    next ??= setImmediate(() => {
      next = undefined;
      changed();
    });
  };
  try {
    const watcher = watch(path, soon);
    watcher.on("error", soon);
    return () => {
      clearImmediate(next);
      watcher.close();
    };
  } catch {
    return undefined;
  }
}

/** How often what cannot be watched is looked at. */
const LOOK_MS = 100;

/** As watchPath; `changed` is called now and then where the path cannot be watched. @returns how to stop */
export function watchOrLook(path: string, changed: () => void): () => void {
  const stop = watchPath(path, changed);
  if (stop !== undefined) return stop;
  const timer = setInterval(changed, LOOK_MS);
  return () => clearInterval(timer);
}

/** What a path leads to now, so that a watch on it can be told from one on its predecessor. */
export function identityOfFile(path: string): string | undefined {
  const stats = lstatSync(`${path}/`, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
