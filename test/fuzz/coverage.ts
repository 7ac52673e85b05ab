/** Counters that istanbul-lib-instrument puts into a file. */
interface FileCounters {
  readonly s: Record<string, number>;
  readonly f: Record<string, number>;
  readonly b: Record<string, number[]>;
}

/** Which code the inputs so far have reached, and how often at once, by the counters in instrumented code. */
export class Coverage {
  readonly #counters: Record<string, number>[];
  /** For each counter a bit for each order of magnitude that it has reached. */
  readonly #seen = new Map<Record<string, number>, Map<string, number>>();

  constructor(files: Readonly<Record<string, FileCounters>>) {
    this.#counters = Object.values(files).flatMap(({ s, f, b }) => [
      s,
      f,
      ...(Object.values(b) as unknown as Record<string, number>[]),
    ]);
    this.reset();
  }

  /** Forgets what was reached. */
  reset(): void {
    this.isNew();
    for (const counters of this.#counters) this.#seen.set(counters, new Map());
  }

  /** Whether the code that ran since the last call was new; the counters start again. */
  isNew(): boolean {
    let isNew = false;
    for (const counters of this.#counters) {
      const seen = this.#seen.get(counters) ?? new Map<string, number>();
      for (const key in counters) {
        const count = counters[key] as number;
        if (count === 0) continue;
        counters[key] = 0;
        const bit = 1 << Math.min(8, Math.floor(Math.log2(count)));
        const before = seen.get(key) ?? 0;
        if ((before & bit) !== 0) continue;
        seen.set(key, before | bit);
        isNew = true;
      }
    }
    return isNew;
  }

  /** How many statements, functions and branches were reached. */
  get reached(): number {
    return [...this.#seen.values()].reduce((sum, seen) => sum + seen.size, 0);
  }
}
