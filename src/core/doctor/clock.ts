import { type Finding, ok, problem, skipped, warning } from "./checks.ts";

/** AWS refuses signatures that are further off than this (Signature Version 4). */
const SIGNATURE_LIMIT_MS = 5 * 60_000;
/** More than this has a cause that should be looked for. A clock that is told in seconds is off by one. */
const WORTH_TELLING_MS = 30_000;

/** What the difference to another clock means; positive where ours is ahead. Milliseconds. */
export function clockFindings(aheadMs: number | undefined, whose: string): Finding[] {
  if (aheadMs === undefined) return [skipped(`${whose} does not tell its time`)];
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const what = `this machine's clock is ${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} that of ${whose}`;
  const remedy = "let chrony or systemd-timesyncd set it, from 169.254.169.123 on EC2";
  if (Math.abs(aheadMs) >= SIGNATURE_LIMIT_MS) {
    return [problem(`${what}: signatures are refused, and certificates may count as expired`, remedy)];
  }
  return [Math.abs(aheadMs) >= WORTH_TELLING_MS ? warning(what, remedy) : ok(what)];
}
