import assert from "node:assert/strict";
import { test } from "node:test";
import type { TunnelState } from "../../../src/core/state/state.ts";
import { renewalInMs, withoutRenewal } from "../../../src/core/watchdog/certificate.ts";

const MINUTE = 60_000;
const MADE = Date.UTC(2026, 0, 31, 23, 30, 5);
const STATE: TunnelState = {
  pid: -1,
  cmd: [],
  files: [],
  certificate: "/c.pem",
  certificateCreationTime: "260131233005Z",
};

const HOUR = 60 * MINUTE;
const WHEN: [
  what: string,
  state: TunnelState,
  isThere: boolean,
  age: number,
  lifeMs: number,
  inMs: number,
][] = [
  ["fresh", STATE, true, 0, HOUR, 59.5 * MINUTE],
  ["an instant before its time", STATE, true, 59.5 * MINUTE - 1, HOUR, 1],
  ["at its time", STATE, true, 59.5 * MINUTE, HOUR, 0],
  ["after it", STATE, true, 5 * HOUR, HOUR, 0],
  ["that may get one minute old", STATE, true, 0, MINUTE, 57_000],
  ["missing", STATE, false, 0, HOUR, 0],
  ["from a clock that went a little fast", STATE, true, -10 * MINUTE, HOUR, 69.5 * MINUTE],
  ["from the future", STATE, true, -20 * MINUTE, HOUR, 0],
  ["made at a time that is none", { ...STATE, certificateCreationTime: "nonsense" }, true, 0, HOUR, 0],
  ["none recorded", { ...STATE, certificate: undefined } as never, false, 0, HOUR, Infinity],
  [
    "made at an unknown time",
    { ...STATE, certificateCreationTime: undefined } as never,
    true,
    0,
    HOUR,
    Infinity,
  ],
];
for (const [what, state, isThere, age, lifeMs, inMs] of WHEN) {
  test(`a certificate is made anew in ${inMs} ms: ${what}`, () => {
    assert.equal(renewalInMs(state, isThere, MADE + age, lifeMs), inMs);
  });
}

const ENDS: [what: string, created: string | undefined, now: string, says: RegExp, isOver: boolean][] = [
  [
    "while it is good",
    "260131233005Z",
    "2026-02-01T02:30:04Z",
    /^access ends at 2026-02-01T02:30:05Z unless/,
    false,
  ],
  [
    "when it is over",
    "260131233005Z",
    "2026-02-01T02:30:05Z",
    /^access has ended at 2026-02-01T02:30:05Z:/,
    true,
  ],
  ["of an unknown time", undefined, "2026-02-01T00:00:00Z", /^access ends with the old one$/, false],
  ["of a time that is none", "nonsense", "2026-02-01T00:00:00Z", /^access ends/, false],
];
for (const [what, created, now, says, isOver] of ENDS) {
  test(`a certificate without a successor tells when access ends: ${what}`, () => {
    const told = withoutRenewal(created, Date.parse(now));
    assert.match(told.text, says);
    assert.equal(told.isOver, isOver);
  });
}
