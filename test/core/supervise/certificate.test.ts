import assert from "node:assert/strict";
import { test } from "node:test";
import type { TunnelState } from "../../../src/core/state/state.ts";
import { isCertificateDue, withoutRenewal } from "../../../src/core/supervise/certificate.ts";

const MINUTE = 60_000;
const MADE = Date.UTC(2026, 0, 31, 23, 30, 5);
const STATE: TunnelState = {
  pid: -1,
  cmd: [],
  files: [],
  certificate: "/c.pem",
  certificateCreationTime: "260131233005Z",
};

const cases: [what: string, state: TunnelState, isThere: boolean, age: number, due: boolean][] = [
  ["fresh", STATE, true, 0, false],
  ["an instant before its time", STATE, true, 60 * MINUTE - 1, false],
  ["at its time", STATE, true, 60 * MINUTE, true],
  ["missing", STATE, false, 0, true],
  ["from a clock that went a little fast", STATE, true, -10 * MINUTE, false],
  ["from the future", STATE, true, -20 * MINUTE, true],
  ["none recorded", { ...STATE, certificate: undefined } as never, false, 0, false],
  ["made at an unknown time", { ...STATE, certificateCreationTime: undefined } as never, true, 0, false],
];
for (const [what, state, isThere, age, due] of cases) {
  test(`a certificate is ${due ? "" : "not "}made anew: ${what}`, () => {
    assert.equal(isCertificateDue(state, isThere, MADE + age, 60 * MINUTE), due);
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
