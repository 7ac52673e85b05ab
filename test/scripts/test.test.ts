import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { CHECKOUT, temporaryDirectory } from "../support/built.ts";

/** A program that prints some lines and ends with a status. */
const program = (status: number, ...lines: string[]) =>
  `#!/usr/bin/env node\nfor (const line of ${JSON.stringify(lines)}) console.log(line);\nprocess.exitCode = ${status};\n`;

/** Ends in order, as node's test runner and the conformance suite print it. */
const STAGES: Record<string, string> = {
  "scripts/setup.mjs": program(0),
  "node_modules/.bin/tsc": program(0),
  "node_modules/.bin/biome": program(0),
  "scripts/unit.mjs": program(0, "# tests 7", "# pass 7", "# fail 0", "# cancelled 0"),
  "scripts/conformance.mjs": program(0, "5 of 5 cases passed in 1.0 s"),
};

describe("npm test", () => {
  let place: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => {
    place = temporaryDirectory();
  });
  afterEach(() => place.remove());

  /** Runs the stages, some of them replaced; the long ones are left out. */
  const run = (changed: Record<string, string> = {}, ...options: string[]) => {
    for (const [name, text] of Object.entries({ ...STAGES, ...changed })) {
      const file = join(place.path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode: 0o755 });
    }
    cpSync(join(CHECKOUT, "scripts/test.mjs"), join(place.path, "scripts/test.mjs"));
    const script = join(place.path, "scripts/test.mjs");
    // node's test runner runs nothing where it finds itself run by another
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, [script, ...options], { encoding: "utf8", env });
    const lines = stdout.trim().split("\n");
    return { status, summary: lines.at(-1), lines };
  };

  const end = ({ status, summary }: ReturnType<typeof run>) => ({ status, summary });

  test("sums up all stages in its last line", () => {
    assert.deepEqual(end(run()), { status: 0, summary: "14 passed, 0 failed" });
  });

  test("runs the conformance suite beside the guests, and prints each in one piece", () => {
    mkdirSync(join(place.path, "node_modules"));
    symlinkSync(join(CHECKOUT, "node_modules/tsx"), join(place.path, "node_modules/tsx"));
    const [guest, suite] = ["in-the-guest", "in-the-suite"].map((name) => join(place.path, name));
    // each ends only after the other one has begun
    const meeting = (mine = "", other = "", last = "") =>
      `import fs from "node:fs";
      console.log("it begins");
      fs.writeFileSync(${JSON.stringify(mine)}, "");
      const limit = setTimeout(() => process.exit(1), 60_000);
      const look = setInterval(() => {
        if (!fs.existsSync(${JSON.stringify(other)})) return;
        console.log(${JSON.stringify(last)});
        clearTimeout(limit);
        clearInterval(look);
      }, 20);
      `;
    const { status, lines, summary } = run({
      "test/guest/guest.test.ts": meeting(guest, suite, "the guest ends"),
      "scripts/conformance.mjs": meeting(suite, guest, "5 of 5 cases passed in 1.0 s"),
    });
    assert.deepEqual({ status, summary }, { status: 0, summary: "15 passed, 0 failed" });
    assert.match(
      lines.join("\n"),
      /== test\/guest\/guest\.test\.ts\n[^=]*the guest ends[^=]*\n== conformance\nit begins\n5 of 5/,
    );
  });

  const SKIPS: [what: string, changed: Record<string, string>, stage: RegExp, summary: string][] = [
    [
      "a test",
      {
        "scripts/unit.mjs": program(
          0,
          "    ok 3 - a test # SKIP only root may",
          "ok 4 - a suite # SKIP",
          "ok 5 - a \\# SKIP in a name",
          ...["# tests 6", "# pass 5", "# fail 0", "# cancelled 0", "# skipped 1"],
        ),
      },
      /^unit tests: 5 passed, 0 failed, 2 skipped, /,
      "12 passed, 0 failed",
    ],
    [
      "a test, on a terminal,",
      { "scripts/unit.mjs": program(0, "  \ufe63 a suite (0.66ms) # why", "ℹ pass 6", "ℹ skipped 0") },
      /^unit tests: 6 passed, 0 failed, 1 skipped, /,
      "13 passed, 0 failed",
    ],
    [
      "conformance, where there is no suite,",
      { "scripts/conformance.mjs": program(0, "no conformance suite at /x: skipped") },
      /^conformance: 0 passed, 0 failed, 1 skipped, /,
      "9 passed, 0 failed",
    ],
  ];
  for (const [what, changed, stage, summary] of SKIPS) {
    test(`tells that ${what} was skipped, and fails for it with --no-skips alone`, () => {
      const { lines, ...passed } = run(changed);
      assert.deepEqual(passed, { status: 0, summary });
      assert.ok(
        lines.some((line) => stage.test(line)),
        lines.join("\n"),
      );
      assert.deepEqual(end(run(changed, "--no-skips")), { status: 1, summary });
      assert.deepEqual(end(run({}, "--no-skips")), { status: 0, summary: "14 passed, 0 failed" });
    });
  }

  const failures: [what: string, changed: Record<string, string>, summary: string][] = [
    ["types", { "node_modules/.bin/tsc": program(2) }, "13 passed, 1 failed"],
    ["lint", { "node_modules/.bin/biome": program(1) }, "13 passed, 1 failed"],
    [
      "unit tests",
      { "scripts/unit.mjs": program(1, "# tests 7", "# pass 4", "# fail 2", "# cancelled 1") },
      "11 passed, 3 failed",
    ],
    [
      "a conformance case",
      { "scripts/conformance.mjs": program(1, "3 of 5 cases passed in 1.0 s") },
      "12 passed, 2 failed",
    ],
    ["a test runner that breaks down", { "scripts/unit.mjs": program(1) }, "7 passed, 1 failed"],
    ["a suite that breaks down", { "scripts/conformance.mjs": program(1) }, "9 passed, 1 failed"],
  ];
  for (const [what, changed, summary] of failures) {
    test(`fails for ${what}, and runs the rest nevertheless`, () => {
      assert.deepEqual(end(run(changed)), { status: 1, summary });
    });
  }

  test("stops where the machine cannot be set up", () => {
    assert.deepEqual(end(run({ "scripts/setup.mjs": program(1) })), {
      status: 1,
      summary: "0 passed, 1 failed",
    });
  });
});
