import type { LineFormat, LogLevel } from "../core/log-line.ts";

/** pino's numbers for our levels, so that its tools read the lines. */
const PINO_LEVELS: Record<Lowercase<LogLevel>, number> = {
  debug: 20,
  info: 30,
  warning: 40,
  error: 50,
  critical: 60,
};

/** pino's JSON lines, with the process as their only addition. */
export async function jsonLine(): Promise<LineFormat> {
  const { pino } = await import("../lazy/pino.ts");
  let made = "";
  const logger = pino(
    {
      level: "debug",
      customLevels: PINO_LEVELS,
      useOnlyCustomLevels: true,
      base: { pid: process.pid },
      timestamp: false,
    },
    {
      write: (line: string) => {
        made = line;
      },
    },
  );
  return (time, level, message) => {
    logger[level.toLowerCase() as Lowercase<LogLevel>]({ time: time.getTime() }, message);
    return made;
  };
}
