#!/usr/bin/env node
// `npm test`: sets the machine up, then runs everything there is to run, to its end, and sums it up. The last
// line is `N passed, N failed`; the exit status is 0 only where nothing failed, and with --no-skips, as for a
// release, only where nothing was skipped either.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const NO_SKIPS = process.argv.includes("--no-skips");
const ROOT = path.join(import.meta.dirname, "..");
/** Tests that take longer, one file a stage: they are not in `npm run check`. */
const LONG = [
  "test/packages/packages.test.ts",
  "test/packages/take-over.test.ts",
  "test/packages/contents.test.ts",
  "test/faults/matrix.test.ts",
  "test/faults/many-tunnels.test.ts",
  "test/guest/guest.test.ts",
  "test/guest/systemd.test.ts",
];
const reporter = `--test-reporter=${process.stdout.isTTY ? "spec" : "tap"}`;

/** Each stage, and how its output tells what it ran; a stage that tells nothing is one test itself. */
const STAGES = [
  {
    name: "set-up",
    command: ["node", "scripts/setup.mjs"],
    counts: () => ({ passed: 0, failed: 0, skipped: 0 }),
  },
  { name: "types", command: ["node_modules/.bin/tsc", "--noEmit"] },
  { name: "lint", command: ["node_modules/.bin/biome", "check", "--error-on-warnings", "."] },
  { name: "unit tests", command: ["node", "scripts/unit.mjs", reporter], counts: nodeCounts },
  { name: "conformance", command: ["node", "scripts/conformance.mjs"], counts: suiteCounts },
  // one after the other: two guests on two processors halve each other
  ...LONG.filter((file) => fs.existsSync(path.join(ROOT, file))).map((file) => ({
    name: file,
    command: ["node", "--import", "tsx", "--test", reporter, file],
    counts: nodeCounts,
  })),
];

/** What node's test runner says of a test or a suite that was skipped: its summary leaves suites out. */
const SKIPPED = /^ *(?:ok \d+ - .* # SKIP|\ufe63 ).*$/gm;

/** From what node's test runner says; what was cancelled has failed. */
function nodeCounts(output) {
  const count = (what) => {
    const lines = [...output.matchAll(new RegExp(`^(?:#|ℹ) ${what} (\\d+)$`, "gm"))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const skipped = output.match(SKIPPED)?.length ?? 0;
  return { passed: count("pass"), failed: count("fail") + count("cancelled"), skipped };
}

/** From the last line of the conformance suite; one that is not there was skipped. */
function suiteCounts(output) {
  const [, passed = 0, all = 0] = /^(\d+) of (\d+) cases passed/m.exec(output) ?? [];
  const skipped = /^no conformance suite .*: skipped$/m.test(output) ? 1 : 0;
  return { passed: Number(passed), failed: all - passed, skipped };
}

/** Runs a command with its output passed on; resolves with its status and its standard output. */
function run([program, ...args]) {
  const file = program === "node" ? process.execPath : program;
  const child = spawn(file, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text) => {
    output += text;
    process.stdout.write(text);
  });
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ status: 1, output: `${error.message}\n` }));
    child.on("close", (status) => resolve({ status: status ?? 1, output }));
  });
}

/** What a stage's end counts for: one that fails without a failed test has failed as a whole. */
function tally({ counts }, { status, output }) {
  const { passed, failed, skipped } = counts?.(output) ?? {
    passed: status === 0 ? 1 : 0,
    failed: 0,
    skipped: 0,
  };
  return { passed, skipped, failed: status !== 0 && failed === 0 ? 1 : failed };
}

const results = [];
for (const stage of STAGES) {
  console.log(`\n== ${stage.name}`);
  const started = Date.now();
  const result = tally(stage, await run(stage.command));
  results.push({ ...result, name: stage.name, seconds: ((Date.now() - started) / 1000).toFixed(0) });
  if (stage.name === "set-up" && result.failed > 0) break;
}

console.log("\n== summary");
for (const { name, passed, failed, skipped, seconds } of results) {
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s`);
}
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
if (NO_SKIPS && sum("skipped") > 0) console.log(`${sum("skipped")} skipped, and nothing may be`);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") === 0 && !(NO_SKIPS && sum("skipped") > 0) ? 0 : 1;
