/** Runs guests and reports each of their scenarios as a subtest. */
import type { TestContext } from "node:test";
import type { BootOptions, GuestRun } from "./boot.ts";
import type { GuestRecord } from "./runner/scenario.ts";

type Result = Extract<GuestRecord, { type: "end" }>;
export type Hooks = Required<Pick<BootOptions, "onLine" | "signal">> & {
  onRecord: (record: GuestRecord) => void;
};

const verbose = process.env.GUEST_VERBOSE !== undefined;

/** How long the guest may take from its boot to the first scenario, and from each to the next one. */
const BETWEEN_MS = 300_000;

export interface SubtestOptions {
  /** Scenario → why it does not hold yet. */
  todo: Record<string, string>;
}

/**
 * Runs guests side by side, and reports each scenario, whichever guest runs it. A guest that ends early fails the
 * scenario that it was running; the others go on.
 *
 * @param guests each runs a guest with the hooks given
 */
export async function reportScenarios(
  t: TestContext,
  names: string[],
  guests: ((hooks: Hooks) => Promise<GuestRun>)[],
  { todo }: SubtestOptions = { todo: {} },
): Promise<GuestRun[]> {
  const results = new Map(names.map((name) => [name, deferred<Result>()]));
  for (const { promise } of results.values()) promise.catch(() => {});
  const running = guests.map(async (boot, at) => {
    const limit = new Limit();
    const label = guests.length > 1 ? `${at + 1}| ` : "";
    let current: string | undefined;
    const run = boot({
      signal: limit.signal,
      onLine: (line) => verbose && process.stderr.write(`${label}${line}\n`),
      onRecord: (record) => {
        if (record.type === "begin") limit.restart(record.name, record.limitMs);
        else limit.restart(`the guest after "${record.type}"`, BETWEEN_MS);
        current = record.type === "begin" ? record.name : undefined;
        if (record.type === "ready")
          t.diagnostic(`${label}ready for scenarios after ${record.seconds.toFixed(1)} s`);
        if (record.type === "end") results.get(record.name)?.resolve(record);
      },
    }).finally(() => limit.stop());
    const failed = (error: Error) => current !== undefined && results.get(current)?.reject(error);
    run.then((ended) => failed(endedWith(ended)), failed);
    return run;
  });
  const ended = Promise.allSettled(running).then((all) => {
    const [first] = all;
    const error = first?.status === "fulfilled" ? endedWith(first.value) : first?.reason;
    for (const { reject } of results.values()) reject(error);
  });
  for (const [name, { promise }] of results) {
    await t.test(name.replaceAll("-", " "), { todo: todo[name] ?? false }, async (t) => {
      const { ok, seconds, figures, error, log } = await promise;
      t.diagnostic(`${seconds.toFixed(1)} s in the guest`);
      for (const figure of figures) t.diagnostic(figure);
      if (verbose) process.stderr.write(`${log}\n`);
      if (!ok) throw new Error(`${error}\n\n${log}`);
    });
  }
  await ended;
  const runs = await Promise.all(running);
  for (const run of runs)
    t.diagnostic(`a guest ran for ${run.seconds.toFixed(1)} s; its logs are in ${run.results}`);
  return runs;
}

function endedWith({ status, lines }: GuestRun): Error {
  return new Error(`the guest ended with status ${status}:\n${lines.slice(-40).join("\n")}`);
}

/** Ends a guest in which nothing goes on any more. */
class Limit {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(what: string, ms: number): void {
    this.stop();
    const end = () => this.#controller.abort(new Error(`${what}: not done within ${ms / 1000} s`));
    this.#timer = setTimeout(end, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
