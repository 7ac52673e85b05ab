import type { LogLevel } from "../log-line.ts";
import type { Settings } from "./keys.ts";

/** How a program writes its log. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Size at which a new file is begun; 0 never begins one. */
  readonly maxBytes: number;
  /** How many old files are kept. */
  readonly fileCount: number;
}

/** What the configuration says of logs. */
export function logSettings(settings: Settings): LogSettings {
  return {
    level: settings.logging_level,
    format: settings.logging_format,
    maxBytes: settings.logging_max_bytes,
    fileCount: settings.logging_file_count,
  };
}
