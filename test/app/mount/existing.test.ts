import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isMountedAlready, tunnelInPlace } from "../../../src/app/mount/existing.ts";
import { parseFileSystemId, parseRegion } from "../../../src/core/ids.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { type MountEntry, parseMountInfo } from "../../../src/core/nfs/mount-table.ts";
import { type MountRequest, parseInvocation } from "../../../src/core/request/request.ts";
import { formatState, type TunnelState } from "../../../src/core/state/state.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { assertProblem } from "../../support/problem.ts";

const NAME = "fs-11.efs.us-east-1.amazonaws.com";
const ACCESS_POINT = "fsap-0123456789abcdef0";
const cleanUps: (() => unknown)[] = [];
let states = "";

/** Tunnels by port: to a file system, to another, through an access point, of before ids were recorded, unfinished. */
const STATES: Record<string, Partial<TunnelState>> = {
  "fs-11.mnt.efs.20049": { fsId: "fs-11" },
  "fs-22.mnt.efs.20050": { fsId: "fs-22" },
  "fs-11.mnt.efs.20051": { fsId: "fs-11", accessPoint: ACCESS_POINT },
  "fs-11.mnt.efs.20052": {},
  "~fs-11.mnt.efs.20053": { fsId: "fs-11" },
};

before(() => {
  states = temporaryDirectory({ after: (cleanUp) => void cleanUps.push(cleanUp) }, "states");
  for (const [name, state] of Object.entries(STATES))
    writeFileSync(join(states, name), formatState({ pid: 1234, cmd: [], files: [], ...state }));
  writeFileSync(join(states, "fs-11.mnt.efs.20054"), "{");
});
after(() => {
  for (const cleanUp of cleanUps) cleanUp();
});

function asked(device: string, options: string, mountPoint = "/mnt/efs"): MountRequest {
  const invocation = parseInvocation([device, mountPoint, "-o", options], "/");
  assert.ok(invocation.kind === "mount");
  return invocation.request;
}

function target(change: Partial<ResolvedTarget> = {}): ResolvedTarget {
  const [fsId, region] = [parseFileSystemId("fs-11"), parseRegion("us-east-1")];
  assert.ok(fsId !== undefined && region !== undefined);
  return { fsId, region, dnsName: NAME, certificateName: NAME, address: undefined, ...change };
}

/** A mount table, by what stands at /mnt/efs from the bottom to the top. */
function mounts(...atMountPoint: string[]): MountEntry[] {
  const lines = [
    "22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw",
    "30 22 0:40 / /mnt/other rw - nfs4 127.0.0.1:/ rw,vers=4.1,port=20049,addr=127.0.0.1",
    ...atMountPoint.map((rest, index) => `${31 + index} 22 0:${41 + index} / /mnt/efs rw,relatime - ${rest}`),
  ];
  return parseMountInfo(`${lines.join("\n")}\n`);
}

const through = (port: number, path = "/") =>
  `nfs4 127.0.0.1:${path} rw,vers=4.1,port=${port},addr=127.0.0.1`;
const direct = (device: string) => `nfs4 ${device} rw,vers=4.1,addr=10.0.0.5`;
const TMPFS = "tmpfs tmpfs rw,size=1024k";
const AUTOFS = "autofs systemd-1 rw,fd=30,pgrp=1,timeout=0,minproto=5,maxproto=5,direct";

const mounted = (request: MountRequest, table: MountEntry[], where = target()) =>
  isMountedAlready(request, where, table, states);

const TLS = asked("fs-11", "tls");
const PLAIN = asked("fs-11", "rw");

describe("mounted already", () => {
  const SAME: [what: string, request: MountRequest, table: MountEntry[], where?: ResolvedTarget][] = [
    ["through a tunnel to the same file system", TLS, mounts(through(20049))],
    ["the same path of it", asked("fs-11:/a b", "tls"), mounts(through(20049, "/a\\040b"))],
    ["the same path, written otherwise", asked("fs-11://a/b/", "tls"), mounts(through(20049, "/a/b"))],
    ["through a tunnel of a helper that recorded no id", TLS, mounts(through(20052))],
    ["through a tunnel whose helper was killed", TLS, mounts(through(20053))],
    [
      "through the same access point",
      asked("fs-11", `tls,accesspoint=${ACCESS_POINT}`),
      mounts(through(20051)),
    ],
    ["by name", PLAIN, mounts(direct(`${NAME}:/`))],
    ["by name, the same path", asked("fs-11:/a", "rw"), mounts(direct(`${NAME}:/a`))],
    ["by address", PLAIN, mounts(direct("10.0.0.5:/")), target({ address: "10.0.0.5" })],
    [
      "by an address of the other family",
      PLAIN,
      mounts(direct("[fd00::5]:/")),
      target({ address: "fd00::5" }),
    ],
    [
      "by name, before the name was lost",
      PLAIN,
      mounts(direct(`${NAME}:/`)),
      target({ address: "10.0.0.5" }),
    ],
    ["over what else is there", TLS, mounts(AUTOFS, TMPFS, through(20049))],
  ];
  for (const [what, request, table, where] of SAME) {
    test(what, () => assert.equal(mounted(request, table, where), true));
  }
});

describe("not mounted yet", () => {
  const FREE: [what: string, table: MountEntry[]][] = [
    ["with nothing there", mounts()],
    ["under a tmpfs", mounts(TMPFS)],
    ["under an automount's trigger", mounts(AUTOFS)],
    ["under a trigger and a tmpfs", mounts(AUTOFS, TMPFS)],
    ["under a tmpfs that covers the very same", mounts(through(20049), TMPFS)],
    [
      "elsewhere",
      parseMountInfo("30 22 0:40 / /mnt/efs/inside rw - nfs4 127.0.0.1:/ rw,port=20049,addr=127.0.0.1"),
    ],
  ];
  for (const [what, table] of FREE) {
    test(what, () => {
      for (const request of [TLS, PLAIN]) assert.equal(mounted(request, table), false);
    });
  }
});

describe("refused by the name of what is there", () => {
  const REFUSED: [what: string, request: MountRequest, table: MountEntry[], says: string][] = [
    ["another file system", TLS, mounts(through(20050)), "fs-22 (127.0.0.1:/, port 20050)"],
    ["another path", TLS, mounts(through(20049, "/data")), "fs-11 (127.0.0.1:/data, port 20049)"],
    [
      "another path, which begins alike",
      asked("fs-11:/a", "tls"),
      mounts(through(20049, "/a/b")),
      "127.0.0.1:/a/b",
    ],
    [
      "an access point, where none is asked for",
      TLS,
      mounts(through(20051)),
      `fs-11 (127.0.0.1:/, port 20051, access point ${ACCESS_POINT})`,
    ],
    [
      "another access point",
      asked("fs-11", "tls,accesspoint=fsap-0123456789abcdef1"),
      mounts(through(20051)),
      `access point ${ACCESS_POINT}`,
    ],
    [
      "no access point, where one is asked for",
      asked("fs-11", `tls,accesspoint=${ACCESS_POINT}`),
      mounts(through(20049)),
      "fs-11 (127.0.0.1:/, port 20049)",
    ],
    ["a tunnel of which nothing is known", TLS, mounts(through(20099)), "127.0.0.1:/"],
    ["a tunnel whose state file is broken", TLS, mounts(through(20054)), "127.0.0.1:/"],
    ["the same without TLS", TLS, mounts(direct(`${NAME}:/`)), `${NAME}:/`],
    ["the same with TLS", PLAIN, mounts(through(20049)), "fs-11 (127.0.0.1:/, port 20049)"],
    ["another server", PLAIN, mounts(direct("nas.example:/export")), "nas.example:/export"],
    [
      "another server of the older protocol",
      TLS,
      mounts("nfs nas.example:/export rw"),
      "nas.example:/export",
    ],
    ["another file system over the very same", TLS, mounts(through(20049), through(20050)), "fs-22"],
  ];
  for (const [what, request, table, says] of REFUSED) {
    test(what, () => {
      const hint = "unmount it first, or choose another mount point";
      assertProblem(() => mounted(request, table), "mount", "/mnt/efs has", says, "mounted already", hint);
    });
  }

  test("where there are no states at all", () => {
    const act = () => isMountedAlready(TLS, target(), mounts(through(20049)), join(states, "gone"));
    assertProblem(act, "mount", "has 127.0.0.1:/ mounted already");
  });
});

describe("the tunnel in place, for a remount", () => {
  test("is that of the mount on top", () => {
    assert.equal(tunnelInPlace("/mnt/efs", mounts(TMPFS, through(20049))), 20049);
    assert.equal(tunnelInPlace("/mnt/other", mounts(through(20050))), 20049);
  });

  for (const table of [mounts(), mounts(TMPFS), mounts(direct(`${NAME}:/`)), mounts(through(20049), TMPFS)]) {
    test(`is none over ${table.at(-1)?.type} ${table.at(-1)?.source}`, () => {
      assertProblem(
        () => tunnelInPlace("/mnt/efs", table),
        "mount",
        "/mnt/efs is not mounted through a tunnel",
      );
    });
  }
});
