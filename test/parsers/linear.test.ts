import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { buildSync } from "esbuild";
import { temporaryDirectory } from "../support/authority.ts";

/**
 * For all inputs together. Those that go on for 64 KiB take a reader that needs time of their length milliseconds
 * each; one that needs the square of it, seconds each; the cube, hours.
 */
const LIMIT_MS = 120_000;

describe("a line of 64 KiB, whatever is in it, is read in a time that its length tells:", () => {
  const program = join(temporaryDirectory({ after }, "linear"), "linear.cjs");
  const source = join(import.meta.dirname, "linear.ts");
  buildSync({ entryPoints: [source], outfile: program, bundle: true, platform: "node", format: "cjs" });
  const readers = execFileSync(process.execPath, [program], { encoding: "utf8" }).trim().split(" ");
  for (const reader of readers) {
    test(reader, () => {
      const { stdout, error } = spawnSync(process.execPath, [program, reader], {
        encoding: "utf8",
        timeout: LIMIT_MS,
        killSignal: "SIGKILL",
      });
      assert.equal(stdout, "read\n", error?.message);
    });
  }
});
