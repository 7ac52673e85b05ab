import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

/** Which file it is that a path leads to, and how long, in bytes. */
export interface Extent {
  readonly inode: number;
  readonly size: number;
}

/** What a path leads to now; undefined where there is nothing. */
export function extentOf(path: string): Extent | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : { inode: stats.ino, size: stats.size };
}

/** What is added to a file, in whole lines, also where another one takes its name. */
export class Tail {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(64 * 1024);
  #open: { descriptor: number; offset: number; decoder: StringDecoder } | undefined;
  #rest = "";
  #closed = false;

  /** @param from how far it is known already; everything is new where it is another file by now */
  constructor(path: string, from?: Extent) {
    this.#path = path;
    this.#begin((inode) => (inode === from?.inode ? from.size : 0));
  }

  /** Whole lines that came since the last time; none once it is closed. */
  read(): string {
    if (this.#closed) return "";
    this.#readOn();
    if (this.#isAnother()) {
      this.#end();
      this.#begin(() => 0);
      this.#readOn();
    }
    const end = this.#rest.lastIndexOf("\n") + 1;
    const lines = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    return lines;
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
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
    if (fstatSync(file.descriptor).size < file.offset) {
      // it was emptied
      file.offset = 0;
      file.decoder = new StringDecoder("utf8");
      this.#rest = "";
    }
    for (;;) {
      const count = readSync(file.descriptor, this.#buffer, 0, this.#buffer.length, file.offset);
      if (count === 0) return;
      file.offset += count;
      this.#rest += file.decoder.write(this.#buffer.subarray(0, count));
    }
  }
}
