import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import type { Namespaces } from "../../src/core/state/state.ts";
import { lifeOf, ownNamespaces, seesAll, whereabouts } from "../../src/system/namespaces.ts";
import { ownIdentity, processFacts } from "../../src/system/procfs.ts";
import { NO_NAMESPACES } from "../fakes/namespaces.ts";
import { Child } from "../support/children.ts";

const OURS = ownNamespaces() as Namespaces;
const OTHERS = { ...OURS, pid: 1 };
const EARLIER = { ...OURS, boot: "an earlier one" };
const DEAD = { ...ownIdentity(), startTime: 1 };

test("a process's own namespaces are what the kernel says", () => {
  assert.equal(readlinkSync("/proc/self/ns/pid"), `pid:[${OURS.pid}]`);
  assert.equal(readlinkSync("/proc/self/ns/net"), `net:[${OURS.net}]`);
  assert.equal(readFileSync("/proc/sys/kernel/random/boot_id", "utf8"), `${OURS.boot}\n`);
});

const places: [
  what: string,
  recorded: Namespaces | undefined,
  ours: Namespaces | undefined,
  where: string,
][] = [
  ["in our namespace", OURS, OURS, "here"],
  ["by somebody who does not say where", undefined, OURS, "here"],
  ["where the kernel has no namespaces", OURS, undefined, "here"],
  ["in another namespace", OTHERS, OURS, "elsewhere"],
  ["before the machine was started", EARLIER, OURS, "gone"],
  [
    "in another namespace, before the machine was started",
    { ...OTHERS, boot: "an earlier one" },
    OURS,
    "gone",
  ],
];
for (const [what, recorded, ours, where] of places) {
  test(`what was written ${what} is ${where}`, () => {
    assert.equal(whereabouts(recorded, ours), where);
  });
}

test("a process that was written down here lives, or does not", () => {
  for (const recorded of [OURS, undefined]) {
    assert.equal(lifeOf(ownIdentity(), recorded), "alive");
    assert.equal(lifeOf(DEAD, recorded), "dead");
  }
});

test("a pid of another namespace, or of an earlier boot, is not taken for one of ours", () => {
  assert.equal(lifeOf(ownIdentity(), OTHERS), seesAll() ? "dead" : "unknown");
  assert.equal(lifeOf(ownIdentity(), EARLIER), "dead");
});

test("a process in a namespace below ours is found by its pid there", { skip: NO_NAMESPACES }, async (t) => {
  const script = "echo $$ $(readlink /proc/self/ns/pid); read -r _";
  const command = ["--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", script];
  const child = new Child(t, "unshare", command);
  const [, pid, namespace] = /^(\d+) pid:\[(\d+)\]$/.exec(await child.line()) ?? [];
  assert.equal(pid, "1");
  const recorded = { ...OURS, pid: Number(namespace) };
  // unshare(1) has forked it
  const seen = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"));
  const identity = { pid: 1, startTime: processFacts(seen)?.startTime ?? 0 };
  assert.equal(lifeOf(identity, recorded), "alive");
  assert.equal(lifeOf({ ...identity, pid: 2 }, recorded), seesAll() ? "dead" : "unknown");
  await child.kill();
  assert.equal(lifeOf(identity, recorded), seesAll() ? "dead" : "unknown");
});
