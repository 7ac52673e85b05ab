import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

/** For each target: some seconds for all of them together. */
const INPUTS = 500;

test("parsers of outside input keep their promises on inputs that a coverage-guided fuzzer makes", async (t) => {
  const program = path.join(import.meta.dirname, "../../scripts/fuzz.mjs");
  const fuzzing = promisify(execFile)(process.execPath, [program, `--inputs=${INPUTS}`]);
  const { stdout } = await fuzzing.catch((error) => {
    throw new Error(`${error.stdout}${error.stderr}`);
  });
  for (const line of stdout.trim().split("\n")) t.diagnostic(line);
});
