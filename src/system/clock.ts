const LOOK_MS = 2000;
/** A clock that is adjusted slowly, as by NTP, never moves so far between two looks. */
const JUMP_MS = 10_000;

/**
 * Calls `onJump` when the wall clock has moved against the one that stands still while the machine sleeps
 * (CLOCK_REALTIME against CLOCK_MONOTONIC, clock_gettime(2)): the machine was suspended, or its clock was set.
 * That is told of within two seconds, and the timers of this process have stood still as well.
 *
 * @returns how to stop watching
 */
export function watchClock(onJump: () => void): () => void {
  const offset = () => Date.now() - performance.now();
  let known = offset();
  const timer = setInterval(() => {
    const now = offset();
    const moved = Math.abs(now - known);
    known = now;
    if (moved > JUMP_MS) onJump();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
