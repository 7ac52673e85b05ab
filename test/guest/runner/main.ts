/**
 * Runs in the guest: scenarios one after another, each in a fresh state. Where guests run them side by side, each
 * takes the next one that no guest has taken.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Endpoint } from "../endpoint/endpoint.ts";
import { Guest } from "./guest.ts";
import { leaks, snapshot, sweep } from "./leaks.ts";
import { uptime } from "./proc.ts";
import { install, pristine, trust } from "./product.ts";
import { attempt, type NamedScenario, postMortem, type Result, reportEach } from "./report.ts";
import type { Scenario } from "./scenario.ts";

/** How long what a scenario started may take to go away after its end. */
const SETTLE_MS = 15_000;

export async function runScenarios(scenarios: NamedScenario[]): Promise<void> {
  const begin = performance.now();
  const endpoint = new Endpoint();
  await endpoint.start(process.env.NFS_SERVER ?? "");
  await install(process.env.REPOSITORY ?? "");
  trust(endpoint.pki.authority);
  const seconds = (performance.now() - begin) / 1000;
  await reportEach(seconds, longestFirst(scenarios), (each) => runOne(endpoint, each), takes);
  process.exit(0); // The endpoint's servers end with the guest.
}

/** By the time that they may take: so no guest is left alone with a long one in the end. */
function longestFirst(scenarios: NamedScenario[]): NamedScenario[] {
  return scenarios.toSorted((one, other) => other.scenario.limitMs - one.scenario.limitMs);
}

/** Whether this guest is the first one to ask for the scenario: the host makes a directory only once. */
function takes(name: string): boolean {
  const shared = process.env.SHARED ?? "";
  if (shared === "") return true;
  try {
    mkdirSync(join(shared, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function runOne(endpoint: Endpoint, scenario: Scenario): Promise<Result> {
  const begin = uptime();
  await endpoint.reset();
  pristine();
  const before = snapshot();
  const guest = new Guest(endpoint);
  let error = await attempt(guest, scenario);
  // Whatever is the product's has to go while the watchdog still runs; then what the scenario itself has, too.
  if (error === "") {
    await settle(SETTLE_MS, () => [...guest.product.traces(), ...leaks(before, ["clients"])]);
  }
  await guest.end();
  const left = await settle(3_000, () => leaks(before));
  if (error === "" && left.length > 0) {
    error = `left behind:\n${left.join("\n")}`;
    await postMortem(guest);
  }
  for (const line of left) guest.log(`left: ${line}`);
  if (error !== "") {
    const servers = [endpoint.first, endpoint.second].map(({ server }) => server.address);
    await sweep(before, servers);
  }
  const seconds = uptime() - begin;
  return { ok: error === "", seconds, figures: guest.figures, error, log: guest.logText };
}

/** Waits until nothing is left, and answers what stays. */
async function settle(limitMs: number, look: () => string[]): Promise<string[]> {
  const begin = performance.now();
  for (;;) {
    const left = look();
    if (left.length === 0 || performance.now() - begin > limitMs) return left;
    await sleep(100);
  }
}
