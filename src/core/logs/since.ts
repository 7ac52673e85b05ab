import { EfsError } from "../errors.ts";
import { quoted } from "../text.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * The time that `--since` means, in milliseconds since the epoch: so long ago (30m, 2h, 1d), or a date with or
 * without a time (local, as in the logs, or with a zone).
 *
 * @throws EfsError (usage) for anything else
 */
export function parseSince(text: string, now: number): number {
  const [, number, unit = ""] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  if (number !== undefined) return now - Number(number) * (UNITS_MS[unit] ?? 0);
  const [, day, hour = "00:00:00", zone = ""] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)) ?(Z|UTC|[+-]\d\d:?\d\d)?$/.exec(`${text}`.trim()) ??
    /^(\d{4}-\d\d-\d\d)$/.exec(text.trim()) ??
    [];
  const time = Date.parse(`${day}T${hour}${zone.replace("UTC", "Z").replace(/(\d\d)(\d\d)$/, "$1:$2")}`);
  if (!Number.isNaN(time)) return time;
  throw new EfsError("usage", `--since ${quoted(text)} is no time`, {
    hint: "give how long ago, as 30m, 2h or 1d, or a date, as 2026-11-24 or 2026-11-24 18:30",
  });
}
