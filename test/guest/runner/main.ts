/** Runs in the guest: all scenarios one after another, each in a fresh state. */
import { setTimeout as sleep } from "node:timers/promises";
import { Endpoint } from "../endpoint/endpoint.ts";
import { Guest } from "./guest.ts";
import { leaks, snapshot, sweep } from "./leaks.ts";
import { ownSockets, uptime } from "./proc.ts";
import { install, pristine, trust } from "./product.ts";
import { attempt, type NamedScenario, postMortem, type Result, reportEach } from "./report.ts";
import type { Scenario } from "./scenario.ts";

/** How long what a scenario started may take to go away after its end. */
const SETTLE_MS = 15_000;
/** What the product makes; the scenario itself may still have processes. */
const PRODUCTS_KINDS = ["mounts", "clients", "listeners", "files"] as const;

export async function runScenarios(scenarios: NamedScenario[]): Promise<void> {
  const begin = performance.now();
  const endpoint = new Endpoint();
  await endpoint.start(process.env.NFS_SERVER ?? "");
  await install(process.env.REPOSITORY ?? "");
  trust(endpoint.pki.authority);
  await reportEach((performance.now() - begin) / 1000, scenarios, (each) => runOne(endpoint, each));
  process.exit(0); // The endpoint's servers end with the guest.
}

async function runOne(endpoint: Endpoint, scenario: Scenario): Promise<Result> {
  const begin = uptime();
  await endpoint.reset();
  pristine();
  const before = snapshot();
  const guest = new Guest(endpoint);
  let error = await attempt(guest, scenario);
  // While the watchdog still runs, everything but what the scenario itself runs has to go; then that, too.
  if (error === "") {
    const own = ownSockets();
    await settle(SETTLE_MS, () => leaks(before, PRODUCTS_KINDS, own));
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
