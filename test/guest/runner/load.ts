/** Mounts that are written to while things go wrong. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { EfsFileSystem } from "../endpoint/endpoint.ts";
import type { Guest } from "./guest.ts";
import { bareNode } from "./product.ts";
import { Writers } from "./writer.ts";

/** A place where a file system is mounted. */
export interface Place {
  readonly target: EfsFileSystem;
  readonly path: string;
  /** The directory of the file system that is there, where it is not its root. */
  readonly within?: string;
}

/** Between two records of a file: enough that the writers alone do not keep the guest's one processor busy. */
const PAUSE_MS = 20;
/** So many records, begun after a fault, show that writing goes on. */
const RECORDS = 5;

let loads = 0;

/** A file that is written to on each of some mounts. */
export class Load {
  readonly #file = `records-${++loads}`;
  readonly #guest: Guest;
  readonly #places: readonly Place[];
  readonly #writers: Writers;
  #longestGapMs: number[];

  private constructor(guest: Guest, places: readonly Place[]) {
    this.#guest = guest;
    this.#places = places;
    this.#longestGapMs = places.map(() => 0);
    const paths = places.map(({ path }) => join(path, this.#file));
    this.#writers = new Writers(paths, PAUSE_MS);
    guest.onEnd(() => this.#writers.kill());
  }

  /** Answers when all are written to. */
  static async start(guest: Guest, ...places: Place[]): Promise<Load> {
    const load = new Load(guest, places);
    await load.goesOn("at the beginning");
    load.takeGaps();
    return load;
  }

  /** Waits until records have come through on every mount (or on those at `which`) that were begun after now. */
  async goesOn(after: string, limitMs = 20_000, which = this.#places.map((_, at) => at)): Promise<void> {
    // The record that is on its way now does not count.
    const wanted = (await this.#mark()).map(({ total }) => total + RECORDS);
    let late = which;
    try {
      await this.#guest.eventually(
        `writing goes on ${after}`,
        async () => {
          const totals = (await this.#mark()).map(({ total }) => total);
          late = which.filter((at) => (totals[at] ?? 0) <= (wanted[at] ?? 0));
          return late.length === 0;
        },
        limitMs,
      );
    } catch (error) {
      const paths = late.map((at) => this.#places[at]?.path).join(", ");
      throw new Error(`${error instanceof Error ? error.message : error}; not at ${paths}`);
    }
  }

  /** The longest time since the last call that one record took, on each mount, in ms. */
  takeGaps(): number[] {
    const gaps = this.#longestGapMs;
    this.#longestGapMs = this.#places.map(() => 0);
    return gaps;
  }

  /** The longest of all. */
  takeGap(): number {
    return Math.max(...this.takeGaps());
  }

  /**
   * Stops writing. Both sides must have exactly what was written; where it is `unmounted`, the server.
   * Answers when the files were closed, by performance.now().
   */
  async finish({ unmounted = false } = {}): Promise<number> {
    const reports = await this.#writers.finish();
    const closedAt = performance.now();
    for (const [at, { target, path, within = "" }] of this.#places.entries()) {
      const [ours, theirs] = [join(path, this.#file), join(target.server.directory, within, this.#file)];
      const { total, sha256 = "" } = reports[at] ?? {};
      assert.equal(await this.#guest.sha256(theirs), sha256, `the server's copy of ${ours}`);
      if (!unmounted) assert.equal(await this.#guest.sha256(ours), sha256, `the client's copy of ${ours}`);
      this.#guest.log(`${ours}: ${total} records, all there`);
    }
    return closedAt;
  }

  async #mark() {
    const reports = await this.#writers.mark();
    this.#longestGapMs = reports.map(({ longestGapMs }, at) =>
      Math.max(longestGapMs, this.#longestGapMs[at] ?? 0),
    );
    return reports;
  }
}

/** Shows gaps beside the time that the guest's node takes to start. */
export async function showGaps(guest: Guest, gaps: ReadonlyMap<string, number>): Promise<void> {
  const list = Array.from(gaps, ([what, ms]) => `${what} ${ms.toFixed(0)} ms`);
  const yardstick = 1000 * (await bareNode());
  guest.figure(`longest wait of a writer: ${list.join(", ")} (node -e 0: ${yardstick.toFixed(0)} ms)`);
}
