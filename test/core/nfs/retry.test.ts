import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseConfig, settings } from "../../../src/core/config/config.ts";
import { attemptLimitMs, backOffMs, isWorthRetrying, retryPolicy } from "../../../src/core/nfs/retry.ts";

const policy = (...lines: string[]) =>
  retryPolicy(settings(parseConfig(["[mount]", ...lines].join("\n"), "f")));

test("three attempts of 15 s, and an end after 180 s, unless the configuration says otherwise", () => {
  assert.deepEqual(policy(), { attempts: 3, attemptTimeoutMs: 15_000, deadlineMs: 180_000 });
  assert.equal(policy("retry_nfs_mount_command = false").attempts, 1);
  assert.equal(policy("retry_nfs_mount_command_count = 7").attempts, 7);
  assert.equal(policy("retry_nfs_mount_command_timeout_sec = 2").attemptTimeoutMs, 2000);
  assert.equal(policy("mount_deadline_sec = 60").deadlineMs, 60_000);
  assert.equal(policy("mount_deadline_sec = 0").deadlineMs, undefined);
});

test("each attempt but the last has its limit; the last has what is left", () => {
  assert.equal(attemptLimitMs(policy(), 1, 500), 15_000);
  assert.equal(attemptLimitMs(policy(), 2, 20_000), 15_000);
  assert.equal(attemptLimitMs(policy(), 3, 40_000), 140_000);
  assert.equal(attemptLimitMs(policy(), 1, 170_000), 10_000);
});

test("an attempt whose time is over already gets a moment, never none and never for ever", () => {
  for (const elapsed of [180_000, 180_001, 1e9]) assert.equal(attemptLimitMs(policy(), 1, elapsed), 1);
});

test("no limit ever lasts longer than a timer can, or less than a moment", () => {
  const key = fc.constantFrom(
    "mount_deadline_sec = 0",
    "mount_deadline_sec = 86400",
    "mount_deadline_sec = 1",
  );
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 1000 }), fc.nat({ max: 2 ** 31 }), (line, number, elapsed) => {
      const limit = attemptLimitMs(policy(line), number, elapsed);
      assert.ok(limit >= 1 && limit <= 2 ** 31 - 1, String(limit));
    }),
  );
});

test("the pause before the next attempt is 1.5 to the power of its number, and up to a second", () => {
  assert.equal(backOffMs(1, 0), 1500);
  assert.equal(backOffMs(1, 0.5), 2000);
  assert.equal(backOffMs(2, 0), 2250);
  assert.equal(backOffMs(3, 0), 3375);
});

const FAILED = { status: 32, timedOut: false };
const OUTCOMES: [stderr: string, worth: boolean, worthWithAccessPoint: boolean][] = [
  ["mount.nfs4: Connection reset by peer", true, true],
  ["mount.nfs4: Connection timed out for 127.0.0.1:/ on /mnt/efs", true, true],
  ["mount.nfs4: access denied by server while mounting 127.0.0.1:/", false, true],
  [
    "mount.nfs4: mounting 127.0.0.1:/x failed, reason given by server: No such file or directory",
    false,
    false,
  ],
  ["mount.nfs4: Connection refused", false, false],
  ["mount.nfs4: mount point /mnt/efs does not exist", false, false],
  ["mount.nfs4: an incorrect mount option was specified", false, false],
  ["", false, false],
];
for (const [stderr, worth, worthWithAccessPoint] of OUTCOMES) {
  test(`${stderr || "a silent failure"} is ${worth ? "" : "not "}worth another attempt`, () => {
    assert.equal(isWorthRetrying({ ...FAILED, stderr }, false), worth);
    assert.equal(isWorthRetrying({ ...FAILED, stderr }, true), worthWithAccessPoint);
  });
}

test("an attempt that ran out of time is worth another one", () => {
  assert.equal(isWorthRetrying({ status: undefined, stderr: "", timedOut: true }, false), true);
});
