/** A process that writes to files in a loop, to show that nothing is lost and how long it had to wait. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { WriterReport } from "./writer-program.ts";

export type { WriterReport } from "./writer-program.ts";

/** Threads that node's pool has besides those that may all wait for a file. */
const SPARE_THREADS = 4;

/** Writes to several files at the same time. */
export class Writers {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: Interface;
  readonly #ended: Promise<unknown>;
  #errors = "";

  /** @param pauseMs between two records of a file */
  constructor(paths: readonly string[], pauseMs = 0) {
    const program = join(import.meta.dirname, "writer.mjs");
    const env = { ...process.env, UV_THREADPOOL_SIZE: String(paths.length + SPARE_THREADS) };
    const args = [program, String(pauseMs), ...paths];
    this.#child = spawn(process.execPath, args, { stdio: "pipe", cwd: "/", env });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#ended = once(this.#child, "exit");
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What was written to each file since the last call; waits at most so long for the answer. */
  async mark(limitMs = 30_000): Promise<WriterReport[]> {
    const answer = this.#nextReport(limitMs);
    this.#child.stdin.write("mark\n");
    return answer;
  }

  /** Lets it end and answers its last reports, or fails with what it said. */
  async finish(limitMs = 30_000): Promise<WriterReport[]> {
    const answer = this.#nextReport(limitMs);
    this.#child.stdin.end();
    const reports = await answer;
    await this.#ended;
    if (this.#child.exitCode !== 0) throw new Error(`the writer failed: ${this.#errors}`);
    return reports;
  }

  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
  }

  async #nextReport(limitMs: number): Promise<WriterReport[]> {
    const line = once(this.#lines, "line");
    const failed = this.#ended.then(() => sleep(200)).then(() => Promise.reject(new Error(this.#errors)));
    const late = sleep(limitMs, undefined, { ref: false }).then(() => {
      throw new Error(`the writer did not answer within ${limitMs / 1000} s ${this.#errors}`);
    });
    const [text] = (await Promise.race([line, failed, late])) as [string];
    return JSON.parse(text);
  }
}

/** Writes to one file. */
export class Writer {
  readonly #writers: Writers;

  constructor(path: string) {
    this.#writers = new Writers([path]);
  }

  get pid(): number {
    return this.#writers.pid;
  }

  async mark(limitMs?: number): Promise<WriterReport> {
    return only(await this.#writers.mark(limitMs));
  }

  async finish(limitMs?: number): Promise<WriterReport> {
    return only(await this.#writers.finish(limitMs));
  }

  kill(): void {
    this.#writers.kill();
  }
}

function only([report]: WriterReport[]): WriterReport {
  if (report === undefined) throw new Error("the writer reported nothing");
  return report;
}
