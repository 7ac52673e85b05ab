import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { CHECKOUT, temporaryDirectory } from "../support/built.ts";

/** A suite that tells what it was called with, and ends with the status that it is told. */
const SUITE = `
import { readFileSync } from "node:fs";
const args = process.argv.slice(2);
const file = args.includes("--cases") ? args[args.indexOf("--cases") + 1] : undefined;
console.log(JSON.stringify({ args, cases: file && JSON.parse(readFileSync(file, "utf8")) }));
process.exitCode = args.includes("--fail") ? 1 : 0;
`;

const CASES = { ignore: ["metadata"], cases: [{ id: "tls-a", expect: { exit: 0 } }, { id: "tls-b" }] };

describe("npm run conformance", () => {
  let place: ReturnType<typeof temporaryDirectory>;
  let checkout: string;
  let suite: string;
  beforeEach(() => {
    place = temporaryDirectory();
    checkout = join(place.path, "checkout");
    suite = join(place.path, "suite");
    mkdirSync(join(checkout, "test/conformance"), { recursive: true });
    cpSync(join(CHECKOUT, "scripts"), join(checkout, "scripts"), { recursive: true });
    mkdirSync(suite);
    writeFileSync(join(suite, "run.mjs"), SUITE);
    writeFileSync(join(suite, "cases.json"), JSON.stringify(CASES));
  });
  afterEach(() => place.remove());

  const run = (...args: string[]) => {
    const script = join(checkout, "scripts/conformance.mjs");
    return spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  };
  const decide = (decisions: object) =>
    writeFileSync(join(checkout, "test/conformance/decisions.json"), JSON.stringify(decisions));

  test("says so and succeeds where there is no suite", () => {
    const { status, stdout } = run(join(place.path, "nowhere"));
    assert.match(stdout, /^no conformance suite at .*\/nowhere: skipped\n$/);
    assert.equal(status, 0);
  });

  test("runs the suite's own cases on this checkout's mount.efs", () => {
    const { status, stdout } = run(suite);
    assert.deepEqual(JSON.parse(stdout), {
      args: ["--impl", join(checkout, "bin/mount.efs")],
    });
    assert.equal(status, 0);
  });

  test("passes arguments on, in place of its own", () => {
    const { stdout } = run(suite, "--keep", "--only", "^tls-", "--impl=/x");
    assert.deepEqual(JSON.parse(stdout).args, ["--keep", "--only", "^tls-", "--impl=/x"]);
  });

  test("fails where the suite fails", () => {
    assert.equal(run(suite, "--fail").status, 1);
  });

  test("lays this project's decisions over the cases", () => {
    const decision = { why: "because", expect: { exit: 32 } };
    decide({ "tls-a": decision });
    const { cases } = JSON.parse(run(suite).stdout);
    assert.deepEqual(cases, { ...CASES, cases: [{ ...CASES.cases[0], decision }, CASES.cases[1]] });
  });

  test("fails for a decision on a case that there is not", () => {
    decide({ "tls-gone": { why: "because", expect: {} } });
    const { status, stderr } = run(suite);
    assert.match(stderr, /the suite has no case tls-gone/);
    assert.notEqual(status, 0);
  });
});
