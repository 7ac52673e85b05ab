import { joinLines } from "./text.ts";

/** The levels of efs-utils.conf's logging_level, least first. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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
