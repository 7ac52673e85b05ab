import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failureOf, recentFailures } from "../../../src/core/doctor/explain.ts";
import type { LogLevel } from "../../../src/core/log-line.ts";

const entry = (time: number, level: LogLevel, message: string) => ({ time, level, message });

test("a failed mount is known by what it says", () => {
  const known: [message: string, failure: string][] = [
    ["cannot mount fs-1.efs:/ at /mnt: mount.nfs4 was not done after 15.0 s", "time-out"],
    ["cannot mount fs-1.efs:/ at /mnt: mount.nfs4: access denied by server while mounting", "access-denied"],
    ["mount: wrong fs type, bad option, bad superblock on fs-1:/", "wrong-fs-type"],
    ["the name fs-1.efs.us-east-1.amazonaws.com does not resolve", "unresolvable-name"],
    ["/mnt has fs-2 (127.0.0.1:/, port 1) mounted already; unmount it first", "already-mounted"],
    ["the OCSP responder http://x gave no answer: timed out", "ocsp-failed"],
    ["the server x has a certificate for another host, not for y", "server-refused"],
    ["iam needs AWS credentials, and there are none", "no-credentials"],
  ];
  for (const [message, failure] of known) assert.equal(failureOf(message), failure, message);
  assert.equal(failureOf("something quite new"), undefined);
});

describe("recent failures", () => {
  test("are the errors since a time, newest first, each message once", () => {
    const log = [
      entry(1, "ERROR", "too old"),
      entry(10, "ERROR", "the name x does not resolve"),
      entry(11, "WARNING", "no error"),
      entry(12, "ERROR", "access denied"),
      entry(13, "ERROR", "access denied"),
    ];
    assert.deepEqual(
      recentFailures(log, 5, 9).map(({ time, failure }) => [time, failure]),
      [
        [13, "access-denied"],
        [10, "unresolvable-name"],
      ],
    );
    assert.equal(recentFailures(log, 5, 1).length, 1);
  });

  test("are over where the same place was mounted since", () => {
    const log = [
      entry(1, "ERROR", "cannot mount fs-1.efs:/ at /mnt/efs: access denied; check"),
      entry(2, "ERROR", "cannot mount fs-1.efs:/ at /mnt/other: access denied; check"),
      entry(3, "INFO", "Successfully mounted fs-1.efs at /mnt/efs"),
    ];
    assert.deepEqual(
      recentFailures(log, 0, 9).map(({ time }) => time),
      [2],
    );
  });
});
