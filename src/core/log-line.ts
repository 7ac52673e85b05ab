import { joinLines } from "./text.ts";

/** The levels of efs-utils.conf's logging_level, least first. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What stands at the beginning of a URL, its rest as far as it goes, and the most of it that is looked at. */
const URL_TEXT = /\b([A-Za-z][A-Za-z0-9+.-]{0,20}):\/\/([^\s"'<>|]{1,4096})[^\s"'<>|]*/g;
/** Paths under which credentials are given out. */
const CREDENTIALS_PATH = /(\/v[0-9]\/credentials)\/[^\s"'<>|,;)]*/g;

/**
 * A text whose URLs have scheme and host only: user names, passwords, paths and queries are nobody's to read in a log.
 */
export function namingHosts(text: string): string {
  const named = text.replaceAll(URL_TEXT, (_, scheme: string, rest: string) => {
    // a password may hold what ends a host
    const behind = rest.slice(rest.lastIndexOf("@") + 1);
    const host = /^[^/?#\\]*/.exec(behind)?.[0] ?? "";
    return `${scheme}://${/^[A-Za-z0-9.:[\]_-]*$/.test(host) ? host : "(host)"}`;
  });
  return named.replaceAll(CREDENTIALS_PATH, "$1/(id)");
}

/** `YYYY-MM-DD HH:MM:SS TZ - LEVEL - MESSAGE`, in local time with the offset as the zone. */
export function logLine(time: Date, level: LogLevel, message: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const offset = -time.getTimezoneOffset();
  const zone =
    offset === 0
      ? "UTC"
      : `${offset < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const hour = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${day} ${hour} ${zone} - ${level} - ${joinLines(message, " | ")}\n`;
}

/** How a message becomes a line of a log. */
export type LineFormat = (time: Date, level: LogLevel, message: string) => string;
