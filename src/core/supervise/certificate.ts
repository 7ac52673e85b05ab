import { VALID_AFTER_MS } from "../certificate/certificate.ts";
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
