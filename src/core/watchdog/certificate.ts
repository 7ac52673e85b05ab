import { VALID_AFTER_MS } from "../certificate/certificate.ts";
import type { TunnelState } from "../state/state.ts";

/** A certificate that says it is younger than this, in the future, is one of a clock that was set. */
const FUTURE_MS = 15 * 60_000;

/** A certificate is made anew so much before its time is over, or by a twentieth of it where that is less. */
const EARLY_MS = 30_000;

/**
 * In how many milliseconds a tunnel's certificate must be made anew, so that none gets older than it may: 0 where
 * it is time, it is missing, or from the future; infinite where there is none.
 *
 * @param now milliseconds since the epoch
 * @param lifeMs how old it may get
 */
export function renewalInMs(
  { certificate, certificateCreationTime }: TunnelState,
  isThere: boolean,
  now: number,
  lifeMs: number,
): number {
  if (certificate === undefined || certificateCreationTime === undefined) return Number.POSITIVE_INFINITY;
  const age = now - utcTime(certificateCreationTime);
  // also of a time that is none
  if (!isThere || !(age >= -FUTURE_MS)) return 0;
  return Math.max(0, lifeMs - Math.min(EARLY_MS, lifeMs / 20) - age);
}

/**
 * What comes of it where a tunnel's certificate cannot be made anew, in a reader's words.
 *
 * @param now milliseconds since the epoch
 */
export function withoutRenewal(
  certificateCreationTime: string | undefined,
  now: number,
): { readonly text: string; readonly isOver: boolean } {
  const end =
    certificateCreationTime === undefined ? Number.NaN : utcTime(certificateCreationTime) + VALID_AFTER_MS;
  if (Number.isNaN(end)) return { text: "access ends with the old one", isOver: false };
  const when = new Date(end).toISOString().replace(".000", "");
  return end > now
    ? { text: `access ends at ${when} unless a new one is made before; it is tried again`, isOver: false }
    : { text: `access has ended at ${when}: new connections are refused until one is made`, isOver: true };
}

/** Milliseconds since the epoch of `yymmddHHMMSSZ`, a time of this century. */
export function utcTime(text: string): number {
  const [year, month, day, hours, minutes, seconds] = (text.match(/\d\d/g) ?? []).map(Number);
  return Date.UTC(2000 + (year ?? 0), (month ?? 1) - 1, day, hours, minutes, seconds);
}
