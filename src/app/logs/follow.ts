import { posix } from "node:path";
import { Tail } from "../../system/tail.ts";
import { watchPath } from "../../system/watch.ts";
import { entriesOf, type HistoryEntry, type LogFile } from "./history.ts";

/** Looked at this often in any case: not every file system reports its changes. */
const LOOK_MS = 1000;

/**
 * Calls `told` with what is written to logs after what was read of them, until the signal is aborted. Logs that are rotated are
 * followed by name.
 */
export async function followLogs(
  files: readonly LogFile[],
  told: (entries: readonly HistoryEntry[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const tails = files.map((file) => ({ file, tail: new Tail(file.path, file.end) }));
  const look = () => {
    for (const { file, tail } of tails) {
      const entries = entriesOf(tail.read(), file);
      if (entries.length > 0) told(entries);
    }
  };
  const directories = new Set(files.map(({ path }) => posix.dirname(path)));
  const watches = [...directories].map((directory) => watchPath(directory, look));
  const timer = setInterval(look, LOOK_MS);
  look();
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  clearInterval(timer);
  for (const stop of watches) stop?.();
  for (const { tail } of tails) tail.close();
}
