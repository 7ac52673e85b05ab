import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { randomFrom, soak } from "../../support/soak.ts";
import { Rig } from "../../support/watchdog-rig.ts";

describe("whatever happens in whatever order", { concurrency: 4 }, () => {
  for (const seed of [1, 2]) {
    test(`what is mounted runs in the end, and nothing else is left (seed ${seed})`, async (t) => {
      const rig = new Rig(t);
      const { steps, mounted } = await soak(rig, randomFrom(seed), 50).catch((error: Error) => {
        throw new Error(`${error.message}\n${rig.lines.join("\n")}`);
      });
      assert.equal(steps.length, 50);
      assert.ok(mounted.length > 0);
    });
  }
});
