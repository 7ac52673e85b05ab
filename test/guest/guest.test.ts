/**
 * The scenarios of test/guest/scenarios, in guests with a real kernel NFS client.
 * GUEST_ONLY=regex picks some of them; GUEST_LANES=1 runs them in one guest, not in as many as this machine can
 * run side by side; GUEST_VERBOSE=1 shows the guests' consoles and each scenario's log.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { GUESTS_AT_A_TIME } from "./boot.ts";
import { runScenarios, scenarioNames } from "./run-scenarios.ts";
import { type Hooks, reportScenarios } from "./subtests.ts";

const picked = scenarioNames(process.env.GUEST_ONLY);
/** What takes a kernel with a packet filter. */
const FILTERING = ["nobody-but-root-gets-into-a-tunnel"];

// No limit for all of them together: each has its own.
test("guest", async (t) => {
  const names = picked.filter((name) => !FILTERING.includes(name));
  const lanes = Math.min(GUESTS_AT_A_TIME, names.length);
  const timeoutMs = (names.length + 1) * 300_000;
  const shared = mkdtempSync(join(tmpdir(), "efs-guests-"));
  process.once("exit", () => rmSync(shared, { recursive: true, force: true }));
  const guests = Array.from({ length: lanes }, (_, at) => {
    const lane = { name: `scenarios-${at + 1}`, shared, timeoutMs };
    return (hooks: Hooks) => runScenarios(names, { ...lane, ...hooks });
  });
  await reportScenarios(t, names, guests);
});

const filtering = picked.filter((name) => FILTERING.includes(name));
test("guest with a packet filter", { skip: filtering.length === 0 }, async (t) => {
  const boot = { name: "filtering", kernel: "filtering", timeoutMs: 600_000 } as const;
  await reportScenarios(t, filtering, [(hooks) => runScenarios(filtering, { ...boot, ...hooks })]);
});
