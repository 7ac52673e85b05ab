import { type Finding, ok, problem, warning } from "./checks.ts";

/** A certificate, as far as its time is concerned. */
export interface CertificateTimes {
  /** Its subject, in a reader's words. */
  readonly name: string;
  readonly from: Date;
  readonly until: Date;
}

const DAY_MS = 86_400_000;
/** What ends within this time is told of in time. */
const SOON_MS = 30 * DAY_MS;

/** What the authorities of a CA file are worth now. `now` in milliseconds since the epoch; `remedy` gets a better file. */
export function authorityFindings(
  authorities: readonly CertificateTimes[],
  now: number,
  remedy: string,
): Finding[] {
  if (authorities.length === 0) return [problem("it holds no certificate", remedy)];
  const expired = authorities.filter(({ until }) => until.getTime() <= now);
  const valid = authorities.filter((each) => !expired.includes(each));
  const day = (time: Date) => time.toISOString().slice(0, 10);
  const tell = expired.map(({ name, until }) => `${name} (${day(until)})`).join(", ");
  if (valid.length === 0)
    return [problem(`all of its ${authorities.length} certificates are expired: ${tell}`, remedy)];
  const next = valid.reduce((first, each) => (each.until < first.until ? each : first));
  const soon = next.until.getTime() - now < SOON_MS;
  const summary = `${valid.length} valid of ${authorities.length}, the first of them ends on ${day(next.until)} (${next.name})`;
  return [
    soon ? warning(summary, remedy) : ok(summary),
    // the system's bundle always has some
    ...(expired.length > 0 && authorities.length <= 20 ? [warning(`expired: ${tell}`, remedy)] : []),
  ];
}
