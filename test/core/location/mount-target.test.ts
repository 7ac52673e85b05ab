import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  chooseMountTarget,
  ipAddress,
  isIn,
  type MountTarget,
  type TargetChoice,
  type WantedZone,
} from "../../../src/core/location/mount-target.ts";

function target(id: string, zone: Partial<MountTarget> = {}, lifeCycleState = "available"): MountTarget {
  return {
    id,
    addresses: ["10.0.0.1"],
    isAvailable: lifeCycleState === "available",
    lifeCycleState,
    zoneName: undefined,
    zoneId: undefined,
    ...zone,
  };
}

const A = { zoneName: "us-east-1a", zoneId: "use1-az1" };
const B = { zoneName: "us-east-1b", zoneId: "use1-az2" };
const ANYWHERE: WantedZone = { name: undefined, id: undefined, isRequired: false };
const PREFERS_B: WantedZone = { name: "us-east-1b", id: undefined, isRequired: false };
const REQUIRES_B: WantedZone = { ...PREFERS_B, isRequired: true };

/** What was chosen, by its id, or why nothing was. */
function told(choice: TargetChoice): unknown {
  if (choice.kind === "chosen") return choice.target.id;
  if (choice.kind === "none-in-zone") return choice.zones;
  return choice.kind === "none-available" ? { states: choice.states } : choice.kind;
}

const CHOICES: [what: string, targets: MountTarget[], wanted: WantedZone, choice: unknown][] = [
  ["nothing of nothing", [], PREFERS_B, "no-targets"],
  ["nothing of nothing where a zone is required", [], REQUIRES_B, "no-targets"],
  ["the first, where no zone is known", [target("a", A), target("b", B)], ANYWHERE, "a"],
  ["the one in the zone", [target("a", A), target("b", B)], PREFERS_B, "b"],
  ["the one in the zone that is required", [target("a", A), target("b", B)], REQUIRES_B, "b"],
  [
    "the one in the zone by its id, whatever the account calls it",
    [target("a", { ...A, zoneName: "us-east-1b" }), target("b", { ...B, zoneName: "us-east-1a" })],
    { ...PREFERS_B, id: "use1-az2" },
    "b",
  ],
  [
    "the one in the zone by name, where it tells no id",
    [target("a", { zoneName: "us-east-1a" }), target("b", { zoneName: "us-east-1b" })],
    { ...PREFERS_B, id: "use1-az2" },
    "b",
  ],
  ["another, where none is in the zone", [target("a", A)], PREFERS_B, "a"],
  [
    "another, where the one in the zone is not available",
    [target("b", B, "creating"), target("a", A)],
    PREFERS_B,
    "a",
  ],
  ["one that is available", [target("a", A, "deleting"), target("b", B)], ANYWHERE, "b"],
  [
    "none but one in the zone that is required",
    [target("a", A), target("?")],
    REQUIRES_B,
    ["us-east-1a", "an unknown zone"],
  ],
  [
    "zones by their ids, where they have no names",
    [target("a", { zoneId: "use1-az1" })],
    REQUIRES_B,
    ["use1-az1"],
  ],
  [
    "none that is not available, in the zone that is required",
    [target("a", A), target("b", B, "creating")],
    REQUIRES_B,
    { states: ["b is creating"] },
  ],
  [
    "none that is not available, anywhere",
    [target("a", A, "deleting"), target("b", B, "creating")],
    PREFERS_B,
    { states: ["a is deleting", "b is creating"] },
  ],
];
for (const [what, targets, wanted, choice] of CHOICES) {
  test(`chosen: ${what}`, () => assert.deepEqual(told(chooseMountTarget(targets, wanted)), choice));
}

const names = fc.constantFrom(undefined, "us-east-1a", "us-east-1b", "us-east-1c");
const ids = fc.constantFrom(undefined, "use1-az1", "use1-az2", "use1-az3");
const states = fc.constantFrom("available", "creating", "deleted");
const anyTarget = fc
  .tuple(fc.uuid(), names, ids, states)
  .map(([id, zoneName, zoneId, state]) => target(id, { zoneName, zoneId }, state));
const anyZone = fc.record({ name: names, id: ids, isRequired: fc.boolean() });

test("what is chosen is available, and in the zone wherever one there is available", () => {
  fc.assert(
    fc.property(fc.array(anyTarget, { maxLength: 5 }), anyZone, (targets, wanted) => {
      const choice = chooseMountTarget(targets, wanted);
      const usable = targets.filter(({ isAvailable }) => isAvailable);
      const inZone = usable.filter((candidate) => isIn(candidate, wanted));
      if (choice.kind !== "chosen") {
        assert.deepEqual(wanted.isRequired ? inZone : usable, []);
        return;
      }
      assert.ok(usable.includes(choice.target));
      if (wanted.isRequired || inZone.length > 0) assert.ok(inZone.includes(choice.target));
    }),
  );
});

test("a mount target's address is an IP address or nothing", () => {
  for (const address of ["10.1.2.3", "fd00::5"]) assert.equal(ipAddress(address), address);
  const others = [
    "",
    "10.1.2",
    "nfs.example",
    "10.1.2.3\nfoo = bar",
    "-o exec",
    "fe80::1%\nexec = x",
    " 10.1.2.3",
    undefined,
  ];
  for (const text of others) assert.equal(ipAddress(text), undefined, text);
});
