/** Runs a guest and reports each of its scenarios as a subtest. */
import type { TestContext } from "node:test";
import type { BootOptions, GuestRun } from "./boot.ts";
import type { GuestRecord } from "./runner/scenario.ts";

type Result = Extract<GuestRecord, { type: "end" }>;
type Hooks = Required<Pick<BootOptions, "onLine" | "signal">> & { onRecord: (record: GuestRecord) => void };

const verbose = process.env.GUEST_VERBOSE !== undefined;

/** How long the guest may take from its boot to the first scenario, and from each to the next one. */
const BETWEEN_MS = 300_000;

export interface SubtestOptions {
  /** Scenario → why it does not hold yet. */
  todo: Record<string, string>;
}

/** `boot` runs the guest with the hooks given. */
export async function reportScenarios(
  t: TestContext,
  names: string[],
  boot: (hooks: Hooks) => Promise<GuestRun>,
  { todo }: SubtestOptions = { todo: {} },
): Promise<GuestRun> {
  const results = new Map(names.map((name) => [name, deferred<Result>()]));
  for (const { promise } of results.values()) promise.catch(() => {});
  const limit = new Limit();
  const guest = boot({
    signal: limit.signal,
    onLine: (line) => verbose && process.stderr.write(`${line}\n`),
    onRecord: (record) => {
      if (record.type === "begin") limit.restart(record.name, record.limitMs);
      else limit.restart(`the guest after "${record.type}"`, BETWEEN_MS);
      if (record.type === "ready") t.diagnostic(`ready for scenarios after ${record.seconds.toFixed(1)} s`);
      if (record.type === "end") results.get(record.name)?.resolve(record);
    },
  });
  guest.then(
    (run) =>
      failOpen(new Error(`the guest ended with status ${run.status}:\n${run.lines.slice(-40).join("\n")}`)),
    failOpen,
  );
  function failOpen(error: Error): void {
    for (const { reject } of results.values()) reject(error);
  }
  for (const [name, { promise }] of results) {
    await t.test(name.replaceAll("-", " "), { todo: todo[name] ?? false }, async (t) => {
      const { ok, seconds, figures, error, log } = await promise;
      t.diagnostic(`${seconds.toFixed(1)} s in the guest`);
      for (const figure of figures) t.diagnostic(figure);
      if (verbose) process.stderr.write(`${log}\n`);
      if (!ok) throw new Error(`${error}\n\n${log}`);
    });
  }
  const run = await guest.finally(() => limit.stop());
  t.diagnostic(`the guest ran for ${run.seconds.toFixed(1)} s; its logs are in ${run.results}`);
  return run;
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
