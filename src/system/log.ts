import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import pino from "pino";
import { LOG_LEVELS, type LogLevel, logLine } from "../core/log-line.ts";
import { printable } from "../core/text.ts";

/** What a program writes to its log. Messages are one line each; secrets never get here. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  critical(message: string): void;
}

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Size at which a new file is begun; 0 never begins one. */
  readonly maxBytes: number;
  /** How many old files are kept. */
  readonly fileCount: number;
}

/** pino's numbers for our levels, so that its JSON lines are read by its own tools. */
const PINO_LEVELS: Record<Lowercase<LogLevel>, number> = {
  debug: 20,
  info: 30,
  warning: 40,
  error: 50,
  critical: 60,
};

/** A log that goes to a file, or nowhere where the file cannot be written: a log never fails a mount. */
export function openLog(path: string, settings: LogSettings): Log {
  const file = new RotatingFile(path, settings);
  const json = settings.format === "json";
  const logger = pino(
    {
      level: settings.level.toLowerCase(),
      customLevels: PINO_LEVELS,
      useOnlyCustomLevels: true,
      base: { pid: process.pid },
    },
    { write: (line: string) => file.append(json ? line : textLine(line)) },
  );
  const at = (level: Lowercase<LogLevel>) => (message: string) => logger[level](printable(message));
  return {
    debug: at("debug"),
    info: at("info"),
    warning: at("warning"),
    error: at("error"),
    critical: at("critical"),
  };
}

function textLine(line: string): string {
  const { time, level, msg } = JSON.parse(line) as { time: number; level: number; msg: string };
  const name = LOG_LEVELS.find(
    (candidate) => PINO_LEVELS[candidate.toLowerCase() as Lowercase<LogLevel>] === level,
  );
  return logLine(new Date(time), name ?? "INFO", msg);
}

/**
 * Appends whole lines, each with one write(2) to a file opened for appending, which keeps the lines of many
 * processes apart. The file is followed by name: where somebody else rotated or removed it, the next line
 * goes to the new one.
 */
class RotatingFile {
  readonly #path: string;
  readonly #settings: LogSettings;
  #descriptor: number | undefined;

  constructor(path: string, settings: LogSettings) {
    this.#path = path;
    this.#settings = settings;
  }

  append(line: string): void {
    try {
      writeSync(this.#current(), line);
    } catch {
      // no space, no directory, no permission: what is logged is not worth failing for
    }
  }

  #current(): number {
    this.#descriptor ??= this.#open();
    const open = fstatSync(this.#descriptor);
    const named = statSync(this.#path, { throwIfNoEntry: false });
    const { maxBytes } = this.#settings;
    const full = maxBytes > 0 && open.size >= maxBytes;
    if (named?.ino === open.ino && !full) return this.#descriptor;
    if (named?.ino === open.ino) this.#rotate();
    closeSync(this.#descriptor);
    this.#descriptor = this.#open();
    return this.#descriptor;
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
    return openSync(this.#path, "a", 0o644);
  }

  /** PATH becomes PATH.1 and so on. Where two processes do it at once, the rename of each file happens once. */
  #rotate(): void {
    const { fileCount } = this.#settings;
    if (fileCount === 0) rmSync(this.#path, { force: true });
    for (let number = fileCount; number >= 1; number -= 1) {
      const from = number === 1 ? this.#path : `${this.#path}.${number - 1}`;
      try {
        renameSync(from, `${this.#path}.${number}`);
      } catch {
        // that one is not there
      }
    }
  }
}
