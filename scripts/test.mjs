#!/usr/bin/env node
// `npm test`: sets the machine up, then runs everything there is to run, to its end, and sums it up. The last
// line is `N passed, N failed`; the exit status is 0 only where nothing failed, and with --no-skips, as for a
// release, only where nothing was skipped either.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const NO_SKIPS = process.argv.includes("--no-skips");
const ROOT = path.join(import.meta.dirname, "..");
const reporter = `--test-reporter=${process.stdout.isTTY ? "spec" : "tap"}`;

/** A file that takes longer: it is not in `npm run check`. */
const long = (file) => ({
  name: file,
  command: ["node", "--import", "tsx", "--test", reporter, file],
  counts: nodeCounts,
});
const isThere = ({ name }) => !name.endsWith(".ts") || fs.existsSync(path.join(ROOT, name));

const SET_UP = {
  name: "set-up",
  command: ["node", "scripts/setup.mjs"],
  counts: () => ({ passed: 0, failed: 0, skipped: 0 }),
};
/**
 * Each stage, and how its output tells what it ran; a stage that tells nothing is one test itself. First those
 * that need the machine to themselves, one after the other.
 */
const ALONE = [
  { name: "types", command: ["node_modules/.bin/tsc", "--noEmit"] },
  { name: "lint", command: ["node_modules/.bin/biome", "check", "--error-on-warnings", "."] },
  { name: "unit tests", command: ["node", "scripts/unit.mjs", reporter], counts: nodeCounts },
  long("test/faults/matrix.test.ts"),
  long("test/faults/many-tunnels.test.ts"),
  long("test/stunnels/stunnels.test.ts"),
];
/** Then rows of stages, side by side: the guests leave some of the machine idle. */
const SIDE_BY_SIDE = [
  [long("test/guest/guest.test.ts"), long("test/guest/systemd.test.ts")],
  [{ name: "conformance", command: ["node", "scripts/conformance.mjs"], counts: suiteCounts }],
];
/** Then those that would slow the guests down: they make system roots, and keep all processors busy. */
const LAST = [
  long("test/packages/packages.test.ts"),
  long("test/packages/take-over.test.ts"),
  long("test/packages/contents.test.ts"),
  long("test/parsers/linear.test.ts"),
  long("test/parsers/guided.test.ts"),
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

/** What stages say: each one's in one piece, in the order in which they began. */
const talks = [];

function say(talk, stream, text) {
  if (talk === talks[0]) stream.write(text);
  else talk.kept.push([stream, text]);
}

function endTalk(talk) {
  talk.ended = true;
  while (talks[0]?.ended) {
    talks.shift();
    for (const [stream, text] of talks[0]?.kept.splice(0) ?? []) stream.write(text);
  }
}

/** Runs a command with its output passed on; resolves with its status and its standard output. */
function run([program, ...args], talk) {
  const file = program === "node" ? process.execPath : program;
  const child = spawn(file, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    say(talk, process.stdout, text);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => say(talk, process.stderr, text));
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

async function runStage(stage) {
  const talk = { kept: [], ended: false };
  talks.push(talk);
  say(talk, process.stdout, `\n== ${stage.name}\n`);
  const result = { name: stage.name };
  results.push(result);
  const started = Date.now();
  Object.assign(result, tally(stage, await run(stage.command, talk)));
  result.seconds = ((Date.now() - started) / 1000).toFixed(0);
  endTalk(talk);
  return result;
}

async function runRow(stages) {
  for (const stage of stages.filter(isThere)) await runStage(stage);
}

if ((await runStage(SET_UP)).failed === 0) {
  await runRow(ALONE);
  await Promise.all(SIDE_BY_SIDE.map(runRow));
  await runRow(LAST);
}

console.log("\n== summary");
for (const { name, passed, failed, skipped, seconds } of results) {
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s`);
}
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
if (NO_SKIPS && sum("skipped") > 0) console.log(`${sum("skipped")} skipped, and nothing may be`);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") === 0 && !(NO_SKIPS && sum("skipped") > 0) ? 0 : 1;
