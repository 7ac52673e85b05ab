import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";
import { type Test, temporaryDirectory } from "./authority.ts";
import { KEEPER, type Rig } from "./watchdog-rig.ts";

/** Starts watchdogs of a rig's state directory in processes of their own, which find its mounts there. */
export class WatchdogProcesses {
  readonly #rig: Rig;
  readonly #program: string;
  readonly #mounts: string;

  constructor(test: Test, rig: Rig) {
    this.#rig = rig;
    const folder = temporaryDirectory(test, "watchdog");
    this.#program = join(folder, "watchdog.cjs");
    this.#mounts = join(folder, "mounts.json");
    const entryPoints = [new URL("own-watchdog.ts", import.meta.url).pathname];
    buildSync({
      entryPoints,
      outfile: this.#program,
      bundle: true,
      platform: "node",
      format: "cjs",
      // as it is shipped
      minifyWhitespace: true,
      minifySyntax: true,
    });
    this.publishMounts();
  }

  /** Lets running watchdogs know of the rig's mounts. */
  publishMounts(): void {
    const mounts = [...this.#rig.mounts.values()].map(({ mountPoint, id }) => [mountPoint, id]);
    writeFileSync(this.#mounts, JSON.stringify(mounts));
  }

  /** @param under what starts it, such as unshare(1) with its options */
  start(under: readonly string[] = []): WatchdogProcess {
    const program = [process.execPath, this.#program, this.#rig.directory, KEEPER, this.#mounts];
    const watchdog = new WatchdogProcess([...under, ...program]);
    // one that lives would bring back what is cleared away
    this.#rig.beforeCleanUp(() => watchdog.kill());
    return watchdog;
  }
}

export class WatchdogProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  /** What it has logged. */
  readonly lines: string[] = [];
  hasEnded = false;

  constructor(command: readonly string[]) {
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface(this.#child.stdout as NodeJS.ReadableStream).on("line", (line) => this.lines.push(line));
    // what it leaves running has no part in its output
    this.#closed = once(this.#child, "exit").then(() => {
      this.hasEnded = true;
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  logged(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }
}
