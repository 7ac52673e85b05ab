/**
 * Appends numbered records to files, each followed by fsync, until its standard input ends. Prints one line of
 * JSON then, and at each `mark` line: what was written to each file since the last one.
 * Runs as a process of its own: a mount whose tunnel is gone stops it, not the harness. Its files do not wait
 * for each other (node's thread pool has to be large enough: UV_THREADPOOL_SIZE).
 *
 *     node writer.mjs PAUSE-IN-MS PATH...
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export interface WriterReport {
  /** Records since the last report, and the longest time between two of them that were completed. */
  records: number;
  longestGapMs: number;
  /** Of all that was written. */
  total: number;
  bytes: number;
  sha256: string;
}

class Stream {
  readonly #file: FileHandle;
  readonly #sum = createHash("sha256");
  #records = 0;
  #total = 0;
  #bytes = 0;
  #longestGapMs = 0;
  #last = performance.now();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async writeAll(pauseMs: number): Promise<void> {
    while (isOpen) {
      await this.#writeOne();
      if (pauseMs > 0) await sleep(pauseMs);
    }
    await this.#file.close();
  }

  report(): WriterReport {
    const sha256 = this.#sum.copy().digest("hex");
    const [records, longestGapMs] = [this.#records, this.#longestGapMs];
    [this.#records, this.#longestGapMs] = [0, 0];
    return { records, longestGapMs, total: this.#total, bytes: this.#bytes, sha256 };
  }

  async #writeOne(): Promise<void> {
    const record = Buffer.from(`${String(++this.#total).padStart(8, "0")} ${"x".repeat(500)}\n`);
    for (let written = 0; written < record.length; )
      written += (await this.#file.write(record, written)).bytesWritten;
    await this.#file.sync();
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#last);
    this.#last = now;
    this.#sum.update(record);
    this.#records++;
    this.#bytes += record.length;
  }
}

const [pauseMs = "0", ...paths] = process.argv.slice(2);
let isOpen = true;
const streams = await Promise.all(paths.map(async (path) => new Stream(await open(path, "a"))));

const tell = () => process.stdout.write(`${JSON.stringify(streams.map((stream) => stream.report()))}\n`);
const commands = createInterface({ input: process.stdin });
commands.on("line", tell);
commands.on("close", () => {
  isOpen = false;
});
await Promise.all(streams.map((stream) => stream.writeAll(Number(pauseMs))));
tell();
