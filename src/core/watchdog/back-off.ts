const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** A tunnel that ran this long is started at once when it dies, and what was before no longer counts. */
export const STABLE_MS = 3000;
/** One that started well and died sooner is started at once so many times. */
export const FREE_STARTS = 5;

/**
 * How long to wait after so many starts in a row that led to nothing: a second, doubled with each further one
 * up to a minute, spread by a fifth so that many tunnels do not start at the same moment.
 *
 * @param random from 0 to 1
 */
export function backOffMs(starts: number, random: number): number {
  const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(starts - 1, 30));
  return Math.round(wait * (0.8 + 0.4 * random));
}
