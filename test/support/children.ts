import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";
import { type Test, temporaryDirectory } from "./authority.ts";

/** Builds child.ts to a program that starts at once. */
export function buildChild(test: Test): string {
  const outfile = join(temporaryDirectory(test, "child"), "child.cjs");
  const entryPoints = [new URL("child.ts", import.meta.url).pathname];
  buildSync({ entryPoints, outfile, bundle: true, platform: "node", format: "cjs" });
  return outfile;
}

/** A process whose first line is awaited, and that ends with the test. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;

  constructor(test: Test, file: string, args: readonly string[], descriptors: readonly number[] = []) {
    this.#process = spawn("setpriv", ["--pdeathsig", "KILL", file, ...args], {
      stdio: ["pipe", "pipe", "inherit", ...descriptors],
    });
    this.#closed = once(this.#process, "close");
    this.#lines = createInterface(this.#process.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]();
    test.after(() => this.kill());
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** The next line it writes; empty where it ends instead. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done === true ? "" : value;
  }

  /** Gives it a line to read. */
  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Ends it, and waits until it has ended. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#closed;
  }
}

/** A program of child.ts in a process of its own. */
export function startChild(test: Test, program: string, ...args: string[]): Child {
  return new Child(test, process.execPath, [program, ...args]);
}
