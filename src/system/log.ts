import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { LogSettings } from "../core/config/log-settings.ts";
import type { LineFormat } from "../core/log-line.ts";
import { LOG_LEVELS, type LogLevel, logLine, namingHosts } from "../core/log-line.ts";
import { printable } from "../core/text.ts";

/** What a program writes to its log. Messages are one line each; secrets never get here. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  critical(message: string): void;
}

/** The format by its name in the configuration. What JSON lines need is loaded for them alone. */
export async function lineFormat(name: "text" | "json"): Promise<LineFormat> {
  return name === "text" ? logLine : (await import("./json-line.ts")).jsonLine();
}

/** What openLog goes by; the format is given as a function. */
export type LogFileSettings = Omit<LogSettings, "format">;

/** A log that goes to a file, or nowhere where the file cannot be written: a log never fails a mount. */
export function openLog(path: string, settings: LogFileSettings, format: LineFormat = logLine): Log {
  const file = new RotatingFile(path, settings);
  const least = LOG_LEVELS.indexOf(settings.level);
  const at = (level: LogLevel) => (message: string) => {
    if (LOG_LEVELS.indexOf(level) >= least)
      file.append(format(new Date(), level, printable(namingHosts(message))));
  };
  return {
    debug: at("DEBUG"),
    info: at("INFO"),
    warning: at("WARNING"),
    error: at("ERROR"),
    critical: at("CRITICAL"),
  };
}

/** Longer than it takes to rename a few files. */
const ROTATION_LIMIT_MS = 10_000;

/**
 * Appends whole lines, each with one write(2) to a file opened for appending, which keeps the lines of many
 * processes apart. The file is followed by name: where somebody else rotated or removed it, the next line
 * goes to the new one.
 */
class RotatingFile {
  readonly #path: string;
  readonly #settings: LogFileSettings;
  #descriptor: number | undefined;

  constructor(path: string, settings: LogFileSettings) {
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
    const isInPlace = () => statSync(this.#path, { throwIfNoEntry: false })?.ino === open.ino;
    const { maxBytes } = this.#settings;
    if (maxBytes > 0 && open.size >= maxBytes) {
      this.#alone(() => {
        if (isInPlace()) this.#rotate();
      });
    }
    if (isInPlace()) return this.#descriptor;
    closeSync(this.#descriptor);
    this.#descriptor = this.#open();
    return this.#descriptor;
  }

  /** Does it unless another process is doing so: two at once would set each other's new files aside. */
  #alone(act: () => void): void {
    const lock = `${this.#path}.lock`;
    try {
      closeSync(openSync(lock, "wx", 0o600));
    } catch {
      const { mtimeMs = Date.now() } = statSync(lock, { throwIfNoEntry: false }) ?? {};
      // it was left by a process that was killed
      if (Math.abs(Date.now() - mtimeMs) > ROTATION_LIMIT_MS) rmSync(lock, { force: true });
      return;
    }
    try {
      act();
    } finally {
      rmSync(lock, { force: true });
    }
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
    return openSync(this.#path, "a", 0o644);
  }

  /** PATH becomes PATH.1 and so on. */
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
