import { startReporter } from "./process.ts";

/** Time between the end of one monitor and the start of the next, doubled up to the longest. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
/** A monitor that has run this long works. */
const SETTLED_MS = 60_000;

/**
 * Calls `changed` when the kernel's packet filter loses a table, within milliseconds, as long as a monitor runs.
 *
 * @param program what writes something then
 * @returns how to stop
 */
export function watchRuleset(program: readonly string[], changed: () => void): () => void {
  let stopped = false;
  let stopReporter = () => {};
  let pause = FIRST_PAUSE_MS;
  let next: NodeJS.Timeout | undefined;

  const start = () => {
    const began = performance.now();
    const startLater = () => {
      if (stopped) return;
      if (performance.now() - began > SETTLED_MS) pause = FIRST_PAUSE_MS;
      next = setTimeout(restart, pause);
      pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
    };
    try {
      const reporter = startReporter(program, changed);
      stopReporter = reporter.stop;
      void reporter.ended.then(startLater);
    } catch {
      startLater();
    }
  };
  const restart = () => {
    start();
    // what happened meanwhile was not reported
    changed();
  };
  start();
  return () => {
    stopped = true;
    clearTimeout(next);
    stopReporter();
  };
}
