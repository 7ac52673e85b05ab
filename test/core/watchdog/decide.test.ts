import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Action,
  afterFailure,
  afterSuccess,
  decide,
  type Memory,
  type Moment,
  NO_MEMORY,
  type Observation,
} from "../../../src/core/watchdog/decide.ts";

const HEALTHY: Observation = {
  files: "finished",
  use: "mounted",
  stunnel: true,
  keeper: true,
  helper: "unknown",
  elsewhere: false,
  mounting: false,
  ageMs: 1_000_000,
  recordedUnusedMs: undefined,
};
const MOMENT: Moment = { now: 1_000_000, random: 0.5, graceMs: 0 };
const HOUR = 3_600_000;

/** Looks at a tunnel again and again, whenever the decision says, for so long; returns what was done when. */
function watch(
  seen: (now: number) => Partial<Observation>,
  forMs: number,
  moment: Partial<Moment> = {},
): { at: number; action: Action }[] {
  const actions: { at: number; action: Action }[] = [];
  let memory: Memory = NO_MEMORY;
  let now = 0;
  for (let looks = 0; now <= forMs; looks += 1) {
    assert.ok(looks < 100_000, "it looks without end");
    const decision = decide({ ...HEALTHY, ...seen(now) }, memory, { ...MOMENT, ...moment, now });
    memory = decision.memory;
    if (decision.action !== "leave") actions.push({ at: now, action: decision.action });
    if (decision.action === "end") break;
    // an action that is done is followed by a look
    const { lookInMs = decision.action === "leave" ? 30_000 : 100 } = decision;
    assert.ok(lookInMs > 0 || decision.action !== "leave", "it would look again at once");
    now += Math.max(1, lookInMs);
  }
  return actions;
}

const cases: [what: string, seen: Partial<Observation>, action: Action, lookInMs: number | undefined][] = [
  ["all is well", {}, "leave", undefined],
  ["the keeper restarts stunnel itself", { stunnel: false }, "leave", undefined],
  ["a stunnel without a keeper is adopted", { keeper: false }, "leave", undefined],
  ["neither lives", { stunnel: false, keeper: false }, "start", undefined],
  ["another container may have it", { elsewhere: true, stunnel: false, keeper: false }, "leave", 1000],
  ["another container may have it, nobody here uses it", { elsewhere: true, use: "unused" }, "leave", 1000],
  ["the kernel still has a client", { use: "lingering" }, "leave", 200],
  [
    "neither lives, the kernel has a client",
    { use: "lingering", stunnel: false, keeper: false },
    "start",
    undefined,
  ],
  ["unmounted, seen once", { use: "unused" }, "leave", 60],
  [
    "a bad state file is left alone",
    { files: "unreadable", use: "unused", stunnel: false },
    "leave",
    undefined,
  ],
  ["a helper is at work", { files: "unfinished", use: "unused", helper: "alive" }, "leave", 1000],
  ["a helper is at work, mounted already", { files: "unfinished", helper: "alive" }, "leave", 1000],
  ["its helper died, the mount is there", { files: "unfinished", helper: "dead" }, "finish", undefined],
  [
    "its helper died, mount.nfs4 goes on",
    { files: "unfinished", use: "unused", helper: "dead", mounting: true, ageMs: 9000 },
    "leave",
    1000,
  ],
  [
    "its helper died, mount.nfs4 has hung for ages",
    { files: "unfinished", use: "unused", helper: "dead", mounting: true, ageMs: HOUR },
    "leave",
    60,
  ],
  ["its helper died before the mount", { files: "unfinished", use: "unused", helper: "dead" }, "leave", 60],
  ["another helper may be at work", { files: "unfinished", use: "unused", ageMs: 599_000 }, "leave", 1000],
  [
    "another helper may be at work, the mount is there",
    { files: "unfinished", ageMs: 599_000 },
    "leave",
    1000,
  ],
  ["another helper gave up", { files: "unfinished", use: "unused", ageMs: HOUR }, "leave", 60],
  ["another helper died after the mount", { files: "unfinished", ageMs: HOUR }, "finish", undefined],
  ["files without a state file, in use", { files: "orphaned" }, "leave", undefined],
  ["files without a state file, new", { files: "orphaned", use: "unused", ageMs: 50_000 }, "leave", 10_000],
  [
    "files without a state file, from the future",
    { files: "orphaned", use: "unused", ageMs: -50_000 },
    "leave",
    10_000,
  ],
  ["files without a state file, old", { files: "orphaned", use: "unused", ageMs: HOUR }, "leave", 60],
];

for (const [what, seen, action, lookInMs] of cases) {
  test(`at first sight: ${what} -> ${action}`, () => {
    const decision = decide({ ...HEALTHY, ...seen }, NO_MEMORY, MOMENT);
    assert.deepEqual([decision.action, decision.lookInMs], [action, lookInMs]);
  });
}

test("two looks that agree end an unused tunnel, well within a second", () => {
  assert.deepEqual(
    watch(() => ({ use: "unused" }), 500),
    [{ at: 60, action: "end" }],
  );
});

test("a mount that one reading of the table missed ends nothing", () => {
  const missed = (now: number): Partial<Observation> => ({ use: now === 0 ? "unused" : "mounted" });
  assert.deepEqual(watch(missed, HOUR), []);
});

test("a tunnel that is used again in its time of grace stays, and has all of it the next time", () => {
  const use = (now: number) => (now < 20_000 ? "unused" : now < 50_001 ? "mounted" : "unused");
  assert.deepEqual(
    watch((now) => ({ use: use(now) }), 100_000, { graceMs: 30_000 }),
    [{ at: 90_000, action: "end" }],
  );
});

test("a time of grace that an earlier watchdog recorded counts", () => {
  const seen = () => ({ use: "unused", recordedUnusedMs: 25_000 }) as const;
  assert.deepEqual(watch(seen, 20_000, { graceMs: 30_000 }), [{ at: 5000, action: "end" }]);
});

test("a clock that was set does not shorten or lengthen the time of grace", () => {
  for (const recordedUnusedMs of [-HOUR, 10 * HOUR]) {
    const seen = (now: number): Partial<Observation> => ({
      use: now === 0 ? "mounted" : "unused",
      recordedUnusedMs,
    });
    assert.deepEqual(watch(seen, 65_000, { graceMs: 30_000 }), [{ at: 60_000, action: "end" }]);
  }
});

test("an unused tunnel that is down is not started in its time of grace", () => {
  const seen = { use: "unused", stunnel: false, keeper: false } as const;
  assert.deepEqual(
    watch(() => seen, 20_000, { graceMs: 30_000 }),
    [],
  );
});

test("a tunnel that does not start is tried at once, then less and less often, to once a minute", () => {
  const starts = watch(() => ({ stunnel: false, keeper: false }), HOUR).map(({ at }) => at);
  const gaps = starts.slice(1).map((at, index) => Math.round((at - (starts[index] ?? 0)) / 1000));
  assert.equal(starts[0], 0);
  assert.deepEqual(gaps.slice(0, 7), [1, 2, 4, 8, 16, 32, 60]);
  assert.ok(gaps.slice(7).every((gap) => gap === 60));
});

/** Remembers what is seen at a time. */
function remember(memory: Memory, now: number, seen: Partial<Observation>): Memory {
  return decide({ ...HEALTHY, ...seen }, memory, { ...MOMENT, now }).memory;
}

const DOWN = { stunnel: false, keeper: false };

test("a tunnel that runs well is started at once whenever it dies", () => {
  let memory = NO_MEMORY;
  for (let now = 0; now < 400_000; now += 4000) {
    const decision = decide({ ...HEALTHY, ...DOWN }, memory, { ...MOMENT, now });
    assert.equal(decision.action, "start");
    memory = remember(afterSuccess(decision.memory), now + 100, {});
  }
});

test("a tunnel that starts well and dies young is started at once five times, then less and less often", () => {
  let memory = NO_MEMORY;
  const starts: number[] = [];
  for (let now = 0; now < 600_000; now += 100) {
    const decision = decide({ ...HEALTHY, ...DOWN }, memory, { ...MOMENT, now });
    memory = decision.memory;
    if (decision.action !== "start") continue;
    starts.push(now);
    memory = remember(afterSuccess(memory), now + 50, {});
  }
  assert.deepEqual(starts.slice(0, 5), [0, 100, 200, 300, 400]);
  const later = starts.filter((at) => at > 300_000).length;
  assert.ok(later <= 6, `${later} starts in five minutes`);
});

test("the wait for a start does not delay the end", () => {
  let memory: Memory = NO_MEMORY;
  const down: Observation = { ...HEALTHY, ...DOWN };
  for (let now = 0; now < 200_000; now += 1000) memory = remember(memory, now, DOWN);
  const first = decide({ ...down, use: "unused" }, memory, { ...MOMENT, now: 200_000 });
  const second = decide({ ...down, use: "unused" }, first.memory, { ...MOMENT, now: 200_060 });
  assert.equal(second.action, "end");
});

test("an end that failed is tried again later", () => {
  let memory: Memory = NO_MEMORY;
  const unused: Observation = { ...HEALTHY, use: "unused" };
  memory = decide(unused, memory, { ...MOMENT, now: 0 }).memory;
  const end = decide(unused, memory, { ...MOMENT, now: 100 });
  assert.equal(end.action, "end");
  memory = afterFailure(end.memory, { now: 5000, random: 0.5 });
  assert.equal(decide(unused, memory, { ...MOMENT, now: 5100 }).action, "leave");
  assert.equal(decide(unused, memory, { ...MOMENT, now: 6000 }).action, "end");
});

test("a tunnel that lingers is looked at often after the unmount, and every second later", () => {
  let memory: Memory = NO_MEMORY;
  const looks: number[] = [];
  for (let now = 0; now < 10_000; ) {
    const decision = decide({ ...HEALTHY, use: "lingering" }, memory, { ...MOMENT, now });
    memory = decision.memory;
    looks.push(decision.lookInMs ?? 0);
    now += decision.lookInMs ?? 0;
  }
  assert.deepEqual([...new Set(looks)], [200, 1000]);
});
