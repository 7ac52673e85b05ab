/**
 * The scenarios of test/guest/scenarios, all in one guest with a real kernel NFS client.
 * GUEST_ONLY=regex picks some of them; GUEST_VERBOSE=1 shows the guest's console and each scenario's log.
 */
import { test } from "node:test";
import { runScenarios, scenarioNames } from "./run-scenarios.ts";
import type { GuestRecord } from "./runner/scenario.ts";

type Result = Extract<GuestRecord, { type: "end" }>;

const names = scenarioNames(process.env.GUEST_ONLY);
const verbose = process.env.GUEST_VERBOSE !== undefined;

test("guest", { timeout: 900_000 }, async (t) => {
  const results = new Map(names.map((name) => [name, deferred<Result>()]));
  for (const { promise } of results.values()) promise.catch(() => {});
  const guest = runScenarios(names, {
    timeoutMs: 60_000 + names.length * 60_000,
    onLine: (line) => verbose && process.stderr.write(`${line}\n`),
    onRecord: (record) => {
      if (record.type === "ready")
        t.diagnostic(`the endpoint was ready after ${record.seconds.toFixed(1)} s`);
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
    await t.test(name.replaceAll("-", " "), async (t) => {
      const { ok, seconds, figures, error, log } = await promise;
      t.diagnostic(`${seconds.toFixed(1)} s in the guest`);
      for (const figure of figures) t.diagnostic(figure);
      if (verbose) process.stderr.write(`${log}\n`);
      if (!ok) throw new Error(`${error}\n\n${log}`);
    });
  }
  const run = await guest;
  t.diagnostic(`the guest ran for ${run.seconds.toFixed(1)} s; its logs are in ${run.results}`);
});

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
