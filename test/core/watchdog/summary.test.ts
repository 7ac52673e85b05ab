import assert from "node:assert/strict";
import { test } from "node:test";
import { summaryOf } from "../../../src/core/watchdog/summary.ts";

const cases: [counts: Parameters<typeof summaryOf>[0], text: string][] = [
  [{ tunnels: 0, running: 0, unreadable: 0 }, "0 tunnels, 0 of them running"],
  [{ tunnels: 1, running: 1, unreadable: 0 }, "1 tunnel, 1 of them running"],
  [
    { tunnels: 30, running: 28, unreadable: 2 },
    "30 tunnels, 28 of them running, 2 with a state file that cannot be used",
  ],
];
for (const [counts, text] of cases) {
  test(`what is watched in words: ${text}`, () => {
    assert.equal(summaryOf(counts), text);
  });
}
