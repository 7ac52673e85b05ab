import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { FileSystemId, Port } from "../../../src/core/ids.ts";
import { parseSince } from "../../../src/core/logs/since.ts";
import {
  concerns,
  fileSystemSubject,
  isTunnelOf,
  mountPointSubject,
} from "../../../src/core/logs/subject.ts";
import { tunnelBase } from "../../../src/core/tunnel/names.ts";
import { assertProblem } from "../../support/problem.ts";

const mounted = (fsId: string, mountPoint: string) => ({ time: 0, dnsName: `${fsId}.efs`, fsId, mountPoint });
const place = mountPointSubject("/mnt/efs", [mounted("fs-1", "/mnt/efs"), mounted("fs-2", "/mnt/two")]);
const fileSystem = fileSystemSubject("fs-1");

describe("a line of a log concerns", () => {
  const cases: [message: string, itsPlace: boolean, itsFileSystem: boolean][] = [
    ["Successfully mounted fs-1.efs.us-east-1.amazonaws.com at /mnt/efs", true, true],
    ["Successfully mounted fs-1.efs.us-east-1.amazonaws.com at /mnt/other", false, true],
    ["Successfully mounted fs-2.efs.us-east-1.amazonaws.com at /mnt/two", false, false],
    ["tunnel of /mnt/efs (port 20049): stunnel 1 ended, 2 has taken over", true, true],
    ["tunnel of /mnt/two (port 20050): stunnel 1 ended, 2 has taken over", false, true],
    ["the name fs-2.efs.us-east-1.amazonaws.com does not resolve", false, false],
    ["the name fs-1.efs.us-east-1.amazonaws.com does not resolve", true, true],
    ["the OCSP responder http://a gave no answer", true, true],
    ["cannot mount fs-1.efs:/ at /mnt/efs: access denied", true, true],
    ["cannot mount fs-1.efs:/ at /mnt/efs2: access denied", false, true],
    ["fs-1.efs.us-east-1.amazonaws.com:/ is mounted at /mnt/efs already", true, true],
  ];
  for (const [message, itsPlace, itsFileSystem] of cases) {
    test(`${itsPlace ? "" : "not "}the place, ${itsFileSystem ? "" : "not "}the file system: ${message}`, () => {
      assert.equal(concerns(message, place), itsPlace);
      assert.equal(concerns(message, fileSystem), itsFileSystem);
    });
  }
});

test("a tunnel is its mount point's and its file system's, and no other's", () => {
  const path = fc.stringMatching(/^(\/[a-z. ]{1,9}){1,3}$/);
  fc.assert(
    fc.property(path, path, (mountPoint, other) => {
      const base = tunnelBase("fs-1" as FileSystemId, mountPoint, 20_049 as Port);
      assert.ok(isTunnelOf(base, mountPointSubject(mountPoint, [])));
      assert.ok(isTunnelOf(base, fileSystem));
      assert.ok(!isTunnelOf(base, fileSystemSubject("fs-12")));
      const same = tunnelBase("fs-1" as FileSystemId, other, 20_049 as Port) === base;
      assert.equal(isTunnelOf(base, mountPointSubject(other, [])), same);
    }),
  );
});

describe("--since", () => {
  const NOW = Date.parse("2026-11-24T12:00:00Z");

  test("is so long ago, a day, or a time", () => {
    assert.equal(parseSince("90s", NOW), NOW - 90_000);
    assert.equal(parseSince("2h", NOW), NOW - 7_200_000);
    assert.equal(parseSince("1w", NOW), NOW - 604_800_000);
    assert.equal(parseSince("2026-11-24 11:00 UTC", NOW), NOW - 3_600_000);
    assert.equal(parseSince("2026-11-24T12:00:00+0100", NOW), NOW - 3_600_000);
    assert.equal(parseSince("2026-11-24", NOW), new Date(2026, 10, 24).getTime());
    assert.equal(parseSince("2026-11-24 18:30", NOW), new Date(2026, 10, 24, 18, 30).getTime());
  });

  test("is nothing else", () => {
    for (const text of ["", "2", "h", "2 h", "yesterday", "2026-13-01", "2026-11-24 25:00", "-1h"])
      assertProblem(() => parseSince(text, NOW), "usage", "--since", "is no time");
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          assert.ok(Number.isFinite(parseSince(text, NOW)));
        } catch (error) {
          assert.match(String(error), /is no time/);
        }
      }),
    );
  });
});
