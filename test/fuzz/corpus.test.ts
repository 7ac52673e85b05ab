import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { caseNames, readCase } from "./corpus.ts";
import { limited, STRETCHED } from "./fuzzer.ts";
import { TARGETS } from "./targets.ts";

for (const target of TARGETS) {
  for (const seed of target.seeds)
    test(`${target.name} reads the well-formed ${JSON.stringify(seed.slice(0, 40))}`, () => {
      target.run(Buffer.from(seed, "latin1"));
    });
  for (const name of caseNames(target.name))
    test(`${target.name} keeps its promises on the hostile input ${name}`, () => {
      limited(() => target.run(readCase(target.name, name)));
    });
  for (const [head, part, tail] of target.long ?? [])
    test(`${target.name} copes in linear time with ${JSON.stringify(part)} repeated to 256 KiB`, () => {
      const input = Buffer.from(head + part.repeat(STRETCHED / part.length) + tail);
      limited(() => target.run(input));
    });
}

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
