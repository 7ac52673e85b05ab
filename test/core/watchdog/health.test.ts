import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Health, judge, type Probe, unknownHealth } from "../../../src/core/watchdog/health.ts";
import { nullCall, readReply } from "../../../src/core/watchdog/null-call.ts";

const MINUTE = 60_000;
const EVERY = 5 * MINUTE;

/** Probes a tunnel as often as is asked for; returns when stunnel was replaced. */
function replacements(answer: (now: number) => Probe, forMs: number): number[] {
  let health: Health = unknownHealth(0, EVERY, 0);
  const at: number[] = [];
  for (let now = 0; now < forMs; now = Math.max(now + 1, health.nextAt)) {
    const judged = judge(health, answer(now), { now, everyMs: EVERY, random: 0.5 });
    health = judged.health;
    if (judged.isStuck) at.push(now);
  }
  return at;
}

test("a tunnel that answers is never replaced", () => {
  assert.deepEqual(
    replacements(() => "answered", 600 * MINUTE),
    [],
  );
});

test("two silences in a row replace stunnel, ten seconds after the first", () => {
  assert.deepEqual(
    replacements((now) => (now < 60_000 ? "silent" : "answered"), 600 * MINUTE),
    [10_000],
  );
});

test("one silence now and then replaces nothing", () => {
  let count = 0;
  const everyThird = (): Probe => {
    count += 1;
    return count % 3 === 0 ? "silent" : "answered";
  };
  assert.deepEqual(replacements(everyThird, 600 * MINUTE), []);
});

test("a server that is down or closes connections is not the tunnel's fault", () => {
  for (const probe of ["unreachable", "closed"] as const)
    assert.deepEqual(
      replacements(() => probe, 600 * MINUTE),
      [],
    );
});

test("where replacing does not help, it is done less and less often", () => {
  const at = replacements(() => "silent", 600 * MINUTE).map((ms) => Math.round(ms / MINUTE));
  assert.deepEqual(at.slice(0, 5), [0, 5, 16, 36, 76]);
  assert.ok(at.length <= 14, `${at.length} in ten hours`);
});

test("tunnels that are taken over are asked within a minute, spread over it", () => {
  const times = [0, 0.5, 1].map((random) => unknownHealth(1000, EVERY, random).nextAt);
  assert.deepEqual(times, [1000, 31_000, 61_000]);
});

test("the NULL call is one record of forty octets: program 100003, version 4, procedure 0, no credentials", () => {
  const expected = `80000028 01020304 00000000 00000002 000186a3 00000004 00000000 ${"00000000 ".repeat(4)}`;
  assert.equal(nullCall(0x01020304).toString("hex"), expected.replaceAll(" ", ""));
});

/** Words of 32 bits, as they are sent. */
const words = (...values: number[]) => {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index);
  return buffer;
};
const LAST = 0x8000_0000;
const ACCEPTED = words(LAST + 24, 7, 1, 0, 0, 0, 0);
const DENIED = words(LAST + 20, 7, 1, 1, 1, 1);

const replies: [what: string, received: Buffer, reading: string][] = [
  ["accepted", ACCEPTED, "reply"],
  ["denied: the server lives", DENIED, "reply"],
  ["in two fragments", Buffer.concat([words(8, 7, 1), words(LAST + 16, 0, 0, 0, 0)]), "reply"],
  ["nothing yet", Buffer.alloc(0), "incomplete"],
  ["for another call", words(LAST + 24, 8, 1, 0, 0, 0, 0), "other"],
  ["a call", words(LAST + 24, 7, 0, 0, 0, 0, 0), "other"],
  ["too short", words(LAST + 8, 7, 1), "other"],
  ["another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n"), "other"],
];
for (const [what, received, reading] of replies) {
  test(`an answer: ${what} -> ${reading}`, () => assert.equal(readReply(received, 7), reading));
}

test("the beginning of a reply is never taken for something else", () => {
  for (let length = 0; length < ACCEPTED.length; length += 1)
    assert.equal(readReply(ACCEPTED.subarray(0, length), 7), "incomplete");
});

test("whatever comes is read without an error", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void readReply(Buffer.from(bytes), 7)));
});
