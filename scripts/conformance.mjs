#!/usr/bin/env node
// Runs the black-box conformance suite for mount helpers that lies beside the checkout, on the built
// mount.efs: `npm run conformance -- [DIRECTORY OF THE SUITE] [options of the suite]`. Where there is no suite
// it says so and succeeds.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
const DECISIONS = path.join(ROOT, "test/conformance/decisions.json");

const args = process.argv.slice(2);
const suite =
  args[0] !== undefined && !args[0].startsWith("-")
    ? path.resolve(args.shift())
    : path.resolve(ROOT, "../shared/conformance");
const program = path.join(suite, "run.mjs");
if (!fs.existsSync(program)) {
  console.log(`no conformance suite at ${suite}: skipped`);
  process.exit(0);
}

/** One set of differences laid over another; null, which removes a key, is kept. */
function merge(base, over) {
  const nested = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  if (!nested(base) || !nested(over)) return over;
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(merged[key], value);
  return merged;
}

/**
 * The suite's cases, with what this project does otherwise on purpose: {id: {why, expect, replaces}}, laid over
 * the suite's own decision on the case, or in its place.
 */
function decidedCases(folder) {
  const cases = JSON.parse(fs.readFileSync(path.join(suite, "cases.json"), "utf8"));
  const decisions = JSON.parse(fs.readFileSync(DECISIONS, "utf8"));
  const unknown = Object.keys(decisions).find((id) => !cases.cases.some((testCase) => testCase.id === id));
  if (unknown !== undefined) throw new Error(`${DECISIONS}: the suite has no case ${unknown}`);
  for (const testCase of cases.cases) {
    const own = decisions[testCase.id];
    if (own === undefined) continue;
    const before = own.replaces ? {} : (testCase.decision?.expect ?? {});
    testCase.decision = { why: own.why, expect: merge(before, own.expect) };
  }
  const file = path.join(folder, "cases.json");
  fs.writeFileSync(file, JSON.stringify(cases));
  return file;
}

const given = (option) => args.some((argument) => argument === option || argument.startsWith(`${option}=`));
const options = [...args];
if (!given("--impl")) options.push("--impl", path.join(ROOT, "bin/mount.efs"));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cases-"));
try {
  if (!given("--cases") && fs.existsSync(DECISIONS)) options.push("--cases", decidedCases(folder));
  const { status } = spawnSync(process.execPath, [program, ...options], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  fs.rmSync(folder, { recursive: true });
}
