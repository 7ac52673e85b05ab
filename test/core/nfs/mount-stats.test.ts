import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseMountStats } from "../../../src/core/nfs/mount-stats.ts";

/** What a 6.1 kernel wrote of two mounts among others. */
const REAL = readFileSync(new URL("../../fixtures/mountstats.txt", import.meta.url), "utf8");

describe("mountstats", () => {
  test("of a real kernel: NFS mounts with age, bytes and the operations that happened", () => {
    const [tunnelled, direct, ...others] = parseMountStats(REAL);
    assert.deepEqual(others, []);
    assert.equal(tunnelled?.mountPoint, "/mnt/efs");
    assert.equal(tunnelled.ageSeconds, 4);
    assert.deepEqual([tunnelled.bytesRead, tunnelled.bytesWritten], [0, 100_000]);
    assert.deepEqual(tunnelled.operations.get("WRITE"), {
      count: 1,
      retransmissions: 0,
      timeouts: 0,
      roundTripMs: 2,
    });
    assert.equal(tunnelled.operations.has("READ"), false);
    assert.equal(direct?.mountPoint, "/mnt/plain");
  });

  test("counts what was sent again, timed out, and reads blanks in a mount point", () => {
    const text = [
      "device 127.0.0.1:/ mounted on /mnt/a\\040b with fstype nfs4 statvers=1.1",
      "\tage:\t12",
      "\tbytes:\t1 2 3 4 500 600 7 8 ",
      "\tper-op statistics",
      "\t        READ: 10 13 2 1 1 1 40 50 0",
      "",
    ].join("\n");
    const [stats] = parseMountStats(text);
    assert.equal(stats?.mountPoint, "/mnt/a b");
    assert.deepEqual([stats.bytesRead, stats.bytesWritten], [500, 600]);
    assert.deepEqual(
      [...stats.operations],
      [["READ", { count: 10, retransmissions: 3, timeouts: 2, roundTripMs: 40 }]],
    );
  });

  test("whatever the text is, figures are numbers from 0 on", () => {
    const scraps = fc.constantFrom(
      "device a mounted on /b with fstype nfs4 statvers=1.1",
      "\tage:\t",
      "\tbytes:\t",
    );
    const line = fc.oneof(
      scraps,
      fc.string(),
      fc.constantFrom("1 2 3 4 5 6", "-1", "per-op statistics", "READ: 1 x"),
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            line,
            fc.tuple(line, line).map((two) => two.join("")),
          ),
        ),
        (lines) => {
          for (const stats of parseMountStats(lines.join("\n"))) {
            const operations = [...stats.operations.values()].flatMap((operation) =>
              Object.values(operation),
            );
            for (const figure of [stats.ageSeconds, stats.bytesRead, stats.bytesWritten, ...operations])
              assert.ok(figure >= 0, `${figure}`);
          }
        },
      ),
    );
  });

  test("what is cut off in the middle is read up to there", () => {
    for (let length = 0; length <= REAL.length; length += 7) parseMountStats(REAL.slice(0, length));
  });
});
