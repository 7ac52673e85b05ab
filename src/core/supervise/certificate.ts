import type { TunnelState } from "../state/state.ts";

/** A certificate that says it is younger than this, in the future, is one of a clock that was set. */
const FUTURE_MS = 15 * 60_000;

/**
 * Whether a tunnel's certificate must be made anew: it is missing, too old, or from the future.
 *
 * @param now milliseconds since the epoch
 * @param lifeMs the age at which it is replaced
 */
export function isCertificateDue(
  { certificate, certificateCreationTime }: TunnelState,
  isThere: boolean,
  now: number,
  lifeMs: number,
): boolean {
  if (certificate === undefined || certificateCreationTime === undefined) return false;
  const age = now - utcTime(certificateCreationTime);
  return !isThere || age >= lifeMs || age < -FUTURE_MS;
}

/** Milliseconds since the epoch of `yymmddHHMMSSZ`, a time of this century. */
export function utcTime(text: string): number {
  const [year, month, day, hours, minutes, seconds] = (text.match(/\d\d/g) ?? []).map(Number);
  return Date.UTC(2000 + (year ?? 0), (month ?? 1) - 1, day, hours, minutes, seconds);
}
