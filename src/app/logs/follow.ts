import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { posix } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { watchDirectory } from "../../system/watch.ts";
import { entriesOf, type HistoryEntry, type LogFile } from "./history.ts";

/** Looked at this often in any case: not every file system reports its changes. */
const LOOK_MS = 1000;

/**
 * Calls `told` with what is written to logs after what was read of them, until the signal is aborted. Logs that are rotated are
 * followed by name.
 */
export async function followLogs(
  files: readonly LogFile[],
  told: (entries: readonly HistoryEntry[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const tails = files.map((file) => ({ file, tail: new Tail(file) }));
  const look = () => {
    for (const { file, tail } of tails) {
      const entries = entriesOf(tail.read(), file);
      if (entries.length > 0) told(entries);
    }
  };
  const directories = new Set(files.map(({ path }) => posix.dirname(path)));
  const watches = [...directories].map((directory) => watchDirectory(directory, look));
  const timer = setInterval(look, LOOK_MS);
  look();
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  clearInterval(timer);
  for (const stop of watches) stop?.();
  for (const { tail } of tails) tail.close();
}

/** What is added to a file, in whole lines, also where another one takes its name. */
class Tail {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(64 * 1024);
  #open: { descriptor: number; offset: number; decoder: StringDecoder } | undefined;
  #rest = "";

  constructor({ path, end }: LogFile) {
    this.#path = path;
    this.#begin((inode) => (inode === end?.inode ? end.size : 0));
  }

  /** Whole lines that came since the last time. */
  read(): string {
    this.#readOn();
    if (this.#isAnother()) {
      this.close();
      this.#begin(() => 0);
      this.#readOn();
    }
    const end = this.#rest.lastIndexOf("\n") + 1;
    const lines = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    return lines;
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  /** @param from the place to begin at, by the file's inode */
  #begin(from: (inode: number) => number): void {
    try {
      const descriptor = openSync(this.#path, "r");
      this.#open = {
        descriptor,
        offset: from(fstatSync(descriptor).ino),
        decoder: new StringDecoder("utf8"),
      };
    } catch {
      // it is not there yet, or not for us
    }
  }

  #isAnother(): boolean {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now === undefined) return false;
    return this.#open === undefined || fstatSync(this.#open.descriptor).ino !== now.ino;
  }

  #readOn(): void {
    const file = this.#open;
    if (file === undefined) return;
    // it was emptied
    if (fstatSync(file.descriptor).size < file.offset) file.offset = 0;
    for (;;) {
      const count = readSync(file.descriptor, this.#buffer, 0, this.#buffer.length, file.offset);
      if (count === 0) return;
      file.offset += count;
      this.#rest += file.decoder.write(this.#buffer.subarray(0, count));
    }
  }
}
