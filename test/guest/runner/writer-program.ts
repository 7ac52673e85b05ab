/**
 * Appends numbered records to a file, each followed by fsync, until its standard input ends. Prints one
 * line of JSON then, and at each `mark` line: what was written since the last one.
 * Runs as a process of its own: a mount whose tunnel is gone stops it, not the harness.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

export interface WriterReport {
  /** Records since the last report, and the longest time between two of them that were completed. */
  records: number;
  longestGapMs: number;
  /** Of all that was written. */
  total: number;
  bytes: number;
  sha256: string;
}

const path = process.argv[2] ?? "";
const file = openSync(path, "a");
const sum = createHash("sha256");
let [records, total, bytes, longestGapMs] = [0, 0, 0, 0];
let last = performance.now();
let open = true;

function writeOne(): void {
  const record = Buffer.from(`${String(++total).padStart(8, "0")} ${"x".repeat(500)}\n`);
  for (let written = 0; written < record.length; ) written += writeSync(file, record, written);
  fsyncSync(file);
  const now = performance.now();
  longestGapMs = Math.max(longestGapMs, now - last);
  last = now;
  sum.update(record);
  records++;
  bytes += record.length;
}

function report(): void {
  const sha256 = sum.copy().digest("hex");
  const text: WriterReport = { records, longestGapMs, total, bytes, sha256 };
  process.stdout.write(`${JSON.stringify(text)}\n`);
  [records, longestGapMs] = [0, 0];
}

const commands = createInterface({ input: process.stdin });
commands.on("line", report);
commands.on("close", () => {
  open = false;
});

function loop(): void {
  if (open) {
    writeOne();
    setImmediate(loop);
    return;
  }
  closeSync(file);
  report();
}
loop();
