import { LOG_LEVELS, type LogLevel } from "../log-line.ts";
import { isHarmless } from "../tunnel/tunnel-log.ts";

/** Who wrote a line. */
export type LogSource = "mount" | "watchdog" | "tunnel";

/** One line of a log. */
export interface LogEntry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
}

/** pino's numbers of levels (src/system/json-line.ts). */
const BY_NUMBER: Readonly<Record<number, LogLevel>> = {
  20: "DEBUG",
  30: "INFO",
  40: "WARNING",
  50: "ERROR",
  60: "CRITICAL",
};

/** Reads a line of mount.log or mount-watchdog.log, in either format; undefined for anything else. */
export function parseLogLine(line: string): LogEntry | undefined {
  return line.startsWith("{") ? parseJsonLine(line) : parseTextLine(line);
}

function parseTextLine(line: string): LogEntry | undefined {
  const [, day = "", hour = "", zone = "", level = "", message] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:,\d+)? (\S+) - ([A-Z]+) - (.*)$/s.exec(line) ?? [];
  const known = LOG_LEVELS.find((name) => name === level);
  // a zone's name is the machine's own, but for that of the time that all have
  const offset = /^[+-]\d{4}$/.test(zone) ? zone : /^(UTC|GMT|Z)$/.test(zone) ? "Z" : "";
  const time = Date.parse(`${day}T${hour}${offset.replace(/(\d\d)$/, ":$1")}`);
  if (known === undefined || message === undefined || Number.isNaN(time)) return undefined;
  return { time, level: known, message };
}

function parseJsonLine(line: string): LogEntry | undefined {
  try {
    const { time, level, msg } = JSON.parse(line) as Record<string, unknown>;
    const known = typeof level === "number" ? BY_NUMBER[level] : undefined;
    if (typeof time !== "number" || !isTime(time) || known === undefined || typeof msg !== "string")
      return undefined;
    return { time, level: known, message: msg };
  } catch {
    return undefined;
  }
}

/** Whether a date can be made of it. */
function isTime(time: number): boolean {
  return Math.abs(time) <= 8.64e15;
}

/** stunnel's levels, which are syslog's (stunnel(8), `debug`). */
const BY_PRIORITY: readonly LogLevel[] = [
  "CRITICAL",
  "CRITICAL",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "INFO",
  "INFO",
  "DEBUG",
];

/**
 * Reads a line of stunnel's log, `YYYY.MM.DD HH:MM:SS LOGn[ID]: MESSAGE` in local time, or one of the keeper
 * beside it, which has no time: that of the line before it, and undefined where there is none.
 */
export function parseTunnelLine(line: string, before: number | undefined): LogEntry | undefined {
  const kept = /^keeper: (.*)$/s.exec(line)?.[1];
  if (kept !== undefined)
    return before === undefined ? undefined : { time: before, level: "INFO", message: kept };
  const [, year, month, day, hour, priority, message] =
    /^(\d{4})\.(\d\d)\.(\d\d) (\d\d:\d\d:\d\d) LOG([0-7])\[[^\]]*\]: (.*)$/s.exec(line) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}`);
  const level = BY_PRIORITY[Number(priority)];
  if (message === undefined || level === undefined || Number.isNaN(time)) return undefined;
  return { time, level, message };
}

/** The entries of a log's text, oldest first. */
export function parseLog(text: string, source: LogSource): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const line of text.split("\n")) {
    const entry = source === "tunnel" ? parseTunnelLine(line, entries.at(-1)?.time) : parseLogLine(line);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/**
 * Whether a line of a tunnel's log is one of those that every connection leaves, also where all goes well: stunnel
 * tells each step, and an end without a farewell as an error.
 */
export function isRoutine({ level, message }: LogEntry): boolean {
  if (/^stunnel ended with status /.test(message)) return false;
  return level === "INFO" || level === "DEBUG" || isHarmless(message);
}
