const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** A tunnel that ran this long has started well: what failed before no longer counts. */
export const STABLE_MS = 60_000;

/**
 * How long to wait before the next start: not at all for the first, then a second, doubled with each
 * further one up to a minute, spread by a fifth so that many tunnels do not start at the same moment.
 *
 * @param starts how many starts there were in a row without a stable run
 * @param random from 0 to 1
 */
export function backOffMs(starts: number, random: number): number {
  if (starts === 0) return 0;
  const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(starts - 1, 30));
  return Math.round(wait * (0.8 + 0.4 * random));
}
