/**
 * The scenarios of test/guest/scenarios, all in one guest with a real kernel NFS client.
 * GUEST_ONLY=regex picks some of them; GUEST_VERBOSE=1 shows the guest's console and each scenario's log.
 */
import { test } from "node:test";
import { runScenarios, scenarioNames } from "./run-scenarios.ts";
import { reportScenarios } from "./subtests.ts";

const names = scenarioNames(process.env.GUEST_ONLY);

// No limit for all of them together: each has its own.
test("guest", async (t) => {
  const timeoutMs = (names.length + 1) * 300_000;
  await reportScenarios(t, names, (hooks) => runScenarios(names, { timeoutMs, ...hooks }));
});
