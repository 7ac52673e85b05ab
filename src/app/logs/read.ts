import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { type LogEntry, type LogSource, parseLog } from "../../core/logs/entry.ts";
import type { Extent } from "../../system/tail.ts";

/** So much of the end of each file is read; what is before it is history. */
const MOST_BYTES = 8 * 1024 * 1024;

/** The files of a log, oldest first: PATH.2, PATH.1, PATH. */
export function rotatedFiles(path: string): string[] {
  const slash = path.lastIndexOf("/");
  const [directory, name] = [path.slice(0, slash), path.slice(slash + 1)];
  const numbers = readdirSync(directory).flatMap((file) => {
    if (!file.startsWith(`${name}.`)) return [];
    const rest = file.slice(name.length + 1);
    return /^\d{1,4}$/.test(rest) ? Number(rest) : [];
  });
  return [...numbers.sort((one, other) => other - one).map((number) => `${path}.${number}`), path];
}

/**
 * The entries of a log and of its older files, oldest first, and how far the file that is written to was read.
 *
 * @throws the system's error where it cannot be read; ENOENT where its directory is not there
 */
export function readLog(path: string, source: LogSource): { entries: LogEntry[]; end: Extent | undefined } {
  const parts = rotatedFiles(path).map(readEnd);
  return { entries: parts.flatMap((part) => parseLog(part?.text ?? "", source)), end: parts.at(-1) };
}

/** The end of a file; undefined where it is not there any more. */
function readEnd(path: string): (Extent & { readonly text: string }) | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { size, ino: inode } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, MOST_BYTES));
    const length = readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return { inode, size: size - buffer.length + length, text: buffer.toString("utf8", 0, length) };
  } finally {
    closeSync(descriptor);
  }
}
