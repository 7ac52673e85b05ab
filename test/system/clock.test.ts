import assert from "node:assert/strict";
import { test } from "node:test";
import { watchClock } from "../../src/system/clock.ts";

const MOVES: [what: string, byMs: number, jumps: number][] = [
  ["a machine that slept for four hours", 4 * 3_600_000, 1],
  ["a clock that was set back", -3_600_000, 1],
  ["a clock that is adjusted by seconds", 5000, 0],
  ["a clock that nobody touched", 0, 0],
];
for (const [what, byMs, jumps] of MOVES) {
  test(`${what} is ${jumps === 0 ? "no jump" : "one jump"}`, (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    let wall = Date.UTC(2026, 0, 1);
    t.mock.method(Date, "now", () => wall);
    let told = 0;
    const stop = watchClock(() => {
      told += 1;
    });
    t.mock.timers.tick(2000);
    assert.equal(told, 0);
    wall += byMs;
    t.mock.timers.tick(2000);
    t.mock.timers.tick(2000);
    assert.equal(told, jumps);
    stop();
    wall += 24 * 3_600_000;
    t.mock.timers.tick(2000);
    assert.equal(told, jumps, "nobody watches any more");
  });
}
