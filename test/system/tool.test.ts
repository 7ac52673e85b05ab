import assert from "node:assert/strict";
import { test } from "node:test";
import { runTool } from "../../src/system/tool.ts";

test("a tool that takes longer than its limit is told apart from one that failed", async () => {
  const late = await runTool("/bin/sleep", ["60"], { timeoutMs: 10 });
  const failed = await runTool("/bin/false", [], { timeoutMs: 60_000 });
  assert.deepEqual([late.timedOut, late.status], [true, undefined]);
  assert.deepEqual([failed.timedOut, failed.status], [false, 1]);
});
