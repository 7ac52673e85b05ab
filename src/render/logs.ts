import type { LogLevel } from "../core/log-line.ts";
import type { LogEntry, LogSource } from "../core/logs/entry.ts";
import { printable } from "../core/text.ts";
import { moment } from "./figures.ts";
import type { Tone } from "./paint.ts";
import { hanging, type Layout } from "./table.ts";

const TONES: Readonly<Record<LogLevel, Tone | undefined>> = {
  DEBUG: "quiet",
  INFO: undefined,
  WARNING: "doubtful",
  ERROR: "bad",
  CRITICAL: "bad",
};

const LONGEST_SOURCE = "watchdog".length;
const LONGEST_LEVEL = "CRITICAL".length;

/** A line of a log: when, who, how bad, what. */
export function historyLines(
  { time, source, tunnel, level, message }: LogEntry & { source: LogSource; tunnel?: string },
  { width, paint }: Layout,
): string[] {
  const tone = TONES[level];
  const shown = tone === undefined ? level : paint(tone, level);
  const title = `${moment(new Date(time))}  ${source.padEnd(LONGEST_SOURCE)}  ${shown}${" ".repeat(LONGEST_LEVEL - level.length)}`;
  const port = tunnel?.slice(tunnel.lastIndexOf(".") + 1);
  const text = port === undefined ? message : `port ${port}: ${message}`;
  const indent = moment(new Date(0)).length + LONGEST_SOURCE + LONGEST_LEVEL + 6;
  return hanging(title, printable(text), indent, width);
}
