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

const names = scenarioNames(process.env.GUEST_ONLY);
const lanes = Math.min(GUESTS_AT_A_TIME, names.length);

// No limit for all of them together: each has its own.
test("guest", async (t) => {
  const timeoutMs = (names.length + 1) * 300_000;
  const shared = mkdtempSync(join(tmpdir(), "efs-guests-"));
  process.once("exit", () => rmSync(shared, { recursive: true, force: true }));
  const guests = Array.from({ length: lanes }, (_, at) => {
    const lane = { name: `scenarios-${at + 1}`, shared, timeoutMs };
    return (hooks: Hooks) => runScenarios(names, { ...lane, ...hooks });
  });
  await reportScenarios(t, names, guests);
});
