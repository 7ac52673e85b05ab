import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { splitSource, tunnelOf } from "../../../src/core/status/join.ts";
import { mountProblems } from "../../../src/core/status/problems.ts";
import { inOrder, type MountStatus, type TunnelStatus } from "../../../src/core/status/status.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const WELL: TunnelStatus = {
  port: 20_049,
  pid: 4711,
  kept: true,
  access: "root",
  certificate: { createdAt: new Date(NOW - 1000), expiresAt: new Date(NOW + 1000) },
};
const mount = (tunnel: TunnelStatus, more: Partial<MountStatus> = {}) => ({
  kind: "mount" as const,
  mountPoint: "/mnt/efs",
  protection: "tls" as const,
  tunnel,
  answer: { outcome: "answered" as const },
  ...more,
});
const problems = (of: ReturnType<typeof mount>) => mountProblems(of, NOW).map(({ what }) => what);

describe("a mount's problems", () => {
  test("are none where its tunnel runs, is kept, and its server answers", () => {
    assert.deepEqual(problems(mount(WELL)), []);
    assert.deepEqual(
      problems(mount({ port: 20_049, pid: 4711 }, {})),
      [],
      "facts that are not known are no problems",
    );
  });

  test("are none where every user is to have access to tunnels", () => {
    assert.deepEqual(mountProblems(mount({ ...WELL, access: "any" }), NOW, "any"), []);
  });

  const { pid: _, ...down } = WELL;
  const cases: [what: string, of: ReturnType<typeof mount>, says: RegExp][] = [
    [
      "its tunnel is down",
      mount(down, { answer: { outcome: "closed" } }),
      /no tunnel runs on port 20049.*\/mnt\/efs/,
    ],
    [
      "every user can use it",
      mount({ ...WELL, access: "any" }),
      /every local user can use the tunnel on port/,
    ],
    ["nobody holds its socket", mount({ ...WELL, kept: false }), /nobody holds/],
    [
      "its certificate is expired",
      mount({ ...WELL, certificate: { createdAt: new Date(0), expiresAt: new Date(NOW) } }),
      /expired since 2026-11-24T12:00/,
    ],
    ["its server is silent", mount(WELL, { answer: { outcome: "silent" } }), /does not answer/],
    [
      "its tunnel cannot connect",
      mount(WELL, { answer: { outcome: "closed" } }),
      /the tunnel cannot connect/,
    ],
    [
      "a server accepts nothing",
      mount(WELL, { answer: { outcome: "closed" }, protection: "plain" }),
      /accepts no connection/,
    ],
  ];
  for (const [what, of, says] of cases) {
    test(`are told once: ${what}`, () => {
      const found = problems(of);
      assert.equal(found.length, 1, found.join());
      assert.match(found[0] ?? "", says);
    });
  }
});

test("leftovers come first, then what has problems, then the rest by place", () => {
  const named = (mountPoint: string, kind: "mount" | "orphan", count: number) => ({
    ...mount(WELL),
    mountPoint,
    kind,
    problems: Array.from({ length: count }, () => ({ what: "", remedy: "" })),
  });
  const all = [
    named("/b", "mount", 0),
    named("/c", "mount", 1),
    named("/a", "mount", 0),
    named("/d", "orphan", 1),
  ];
  assert.deepEqual(
    inOrder(all).map(({ mountPoint }) => mountPoint),
    ["/d", "/c", "/a", "/b"],
  );
});

test("a mount's tunnel is that of its port and place, of its port, or of its place", () => {
  const entry = (port: number, mountPoint: string) => ({
    id: 1,
    device: "0:1",
    mountPoint,
    type: "nfs4",
    source: "127.0.0.1:/",
    superOptions: `rw,port=${port},addr=127.0.0.1`,
  });
  const tunnels = [
    { base: "one", port: 20_049, mountPoint: "/a" },
    { base: "two", port: 20_049, mountPoint: "/b" },
    { base: "three", port: 20_050, mountPoint: "/c" },
  ];
  const of = (port: number, place: string) => tunnelOf(entry(port, place), tunnels)?.base;
  assert.equal(of(20_049, "/b"), "two");
  assert.equal(of(20_050, "/elsewhere"), "three");
  assert.equal(of(20_051, "/c"), "three");
  assert.equal(of(20_051, "/d"), undefined);
});

test("what is mounted is a host and a path", () => {
  assert.deepEqual(splitSource("127.0.0.1:/"), { host: "127.0.0.1", path: "/" });
  assert.deepEqual(splitSource("[fd00::1]:/a:b"), { host: "fd00::1", path: "/a:b" });
  fc.assert(fc.property(fc.string(), (source) => typeof splitSource(source).host === "string"));
});
