import { startReporter } from "./process.ts";

/** Time between the end of one reporter and the start of the next, doubled up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** How often the table is looked at while nobody reports its changes. */
const POLL_MS = 1000;
/** A reporter that has run this long hears everything. */
const SETTLED_MS = 2500;

/** Reports changes of NFS mounts, one line each, as the kernel signals them (findmnt(8), poll(2) on mountinfo). */
const FIND_MOUNTS = ["findmnt", "--poll", "--noheadings", "--types", "nfs,nfs4", "--output", "ACTION"];

/**
 * Calls `changed` when an NFS mount came or went, within milliseconds; once a second while nothing reports
 * that.
 *
 * @param program what writes something at every change
 * @returns how to stop
 */
export function watchMountTable(changed: () => void, program: readonly string[] = FIND_MOUNTS): () => void {
  let stopped = false;
  let stopReporter = () => {};
  let pause = FIRST_PAUSE_MS;
  let next: NodeJS.Timeout | undefined;
  let poll: NodeJS.Timeout | undefined;

  const start = () => {
    poll ??= setInterval(changed, POLL_MS);
    try {
      const reporter = startReporter(program, changed);
      stopReporter = reporter.stop;
      next = setTimeout(settled, SETTLED_MS);
      void reporter.ended.then(startLater);
    } catch {
      startLater();
    }
  };
  const settled = () => {
    pause = FIRST_PAUSE_MS;
    clearInterval(poll);
    poll = undefined;
  };
  const startLater = () => {
    if (stopped) return;
    poll ??= setInterval(changed, POLL_MS);
    clearTimeout(next);
    next = setTimeout(start, pause);
    pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
  };
  start();
  return () => {
    stopped = true;
    clearTimeout(next);
    clearInterval(poll);
    stopReporter();
  };
}
