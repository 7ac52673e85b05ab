import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Port } from "../../../src/core/ids.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import {
  inNamespaces,
  mountCommand,
  type NfsServer,
  nfsDevice,
  nfsOptions,
  readAheadKib,
  readSize,
} from "../../../src/core/nfs/command.ts";
import { joinOptions, type MountOption, splitOptions } from "../../../src/core/request/options.ts";
import { parseInvocation } from "../../../src/core/request/request.ts";

const TUNNEL: NfsServer = { kind: "tunnel", port: 20_049 as Port };

function direct(address?: string): NfsServer {
  const names = { fsId: "fs-1", region: "us-east-1", dnsName: "fs-1.efs.example", certificateName: "fs-1" };
  return { kind: "direct", target: { ...names, address } as ResolvedTarget };
}

const DEFAULTS = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport";

const OPTIONS: [what: string, given: string, inForce: string][] = [
  ["all defaults, where nothing is given", "", DEFAULTS],
  ["what is given comes first and stays", "noatime,ro", `noatime,ro,${DEFAULTS}`],
  [
    "a given version counts",
    "nfsvers=4.0",
    "nfsvers=4.0,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport",
  ],
  ["also as vers", "vers=4", "vers=4,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport"],
  [
    "given sizes count",
    "rsize=4096,wsize=8192",
    "rsize=4096,wsize=8192,nfsvers=4.1,hard,timeo=600,retrans=2,noresvport",
  ],
  [
    "soft is the rival of hard",
    "soft",
    "soft,nfsvers=4.1,rsize=1048576,wsize=1048576,timeo=600,retrans=2,noresvport",
  ],
  [
    "hard that is given is there once",
    "hard",
    "hard,nfsvers=4.1,rsize=1048576,wsize=1048576,timeo=600,retrans=2,noresvport",
  ],
  [
    "given times count",
    "timeo=100,retrans=5",
    "timeo=100,retrans=5,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,noresvport",
  ],
  [
    "resvport is the rival of noresvport",
    "resvport",
    "resvport,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2",
  ],
  [
    "an option whose name only begins alike is none of them",
    "hardly,timeout=1",
    `hardly,timeout=1,${DEFAULTS}`,
  ],
];
for (const [what, given, inForce] of OPTIONS) {
  test(what, () => {
    assert.equal(joinOptions(nfsOptions(splitOptions(given), direct())), inForce);
    assert.equal(joinOptions(nfsOptions(splitOptions(given), TUNNEL)), `${inForce},port=20049`);
  });
}

test("whatever is given is kept in its order, and nothing is said twice", () => {
  const name = fc.constantFrom(
    "nfsvers",
    "vers",
    "rsize",
    "wsize",
    "hard",
    "soft",
    "timeo",
    "retrans",
    "noresvport",
    "resvport",
    "ro",
  );
  const given = fc
    .uniqueArray(name)
    .map((names): MountOption[] => names.map((each) => ({ name: each, value: "1" })));
  fc.assert(
    fc.property(given, (options) => {
      const all = nfsOptions(options, TUNNEL);
      assert.deepEqual(all.slice(0, options.length), options);
      assert.equal(new Set(all.map((option) => option.name)).size, all.length);
      const added = all.slice(options.length);
      for (const [one, other] of [
        ["hard", "soft"],
        ["noresvport", "resvport"],
        ["nfsvers", "vers"],
      ]) {
        const has = (list: readonly MountOption[], wanted?: string) =>
          list.some((option) => option.name === wanted);
        assert.equal(has(added, one), !has(options, one) && !has(options, other));
        assert.equal(has(added, other), false);
      }
    }),
  );
});

const DEVICES: [server: NfsServer, path: string, device: string][] = [
  [TUNNEL, "/", "127.0.0.1:/"],
  [TUNNEL, "/with blanks", "127.0.0.1:/with blanks"],
  [direct(), "/data", "fs-1.efs.example:/data"],
  [direct("10.0.0.1"), "/", "10.0.0.1:/"],
  [direct("fd00::1"), "/", "[fd00::1]:/"],
];
for (const [server, path, device] of DEVICES) {
  test(`the device is ${device}`, () => assert.equal(nfsDevice(server, path), device));
}

function command(argv: string[], server: NfsServer) {
  const invocation = parseInvocation(argv, "/");
  assert.ok(invocation.kind === "mount");
  return mountCommand(invocation.request, server, "/sbin/mount.nfs4");
}

test("the command is mount.nfs4 with device, mount point and options, each one argument", () => {
  assert.deepEqual(command(["fs-1:/a b", "/mnt/my files/", "-o", "tls,noatime"], TUNNEL), {
    file: "/sbin/mount.nfs4",
    args: ["127.0.0.1:/a b", "/mnt/my files", "-o", `noatime,${DEFAULTS},port=20049`],
  });
});

test("namespaces that were asked for are entered first", () => {
  const { file, args } = command(
    ["fs-1", "/m", "-N", "/proc/7/ns/mnt", "-o", "netns=/run/netns/blue"],
    direct(),
  );
  assert.equal(file, "/usr/bin/nsenter");
  assert.deepEqual(args.slice(0, 4), [
    "--net=/run/netns/blue",
    "--mount=/proc/7/ns/mnt",
    "/sbin/mount.nfs4",
    "fs-1.efs.example:/",
  ]);
  const none = { networkNamespace: undefined, mountNamespace: undefined };
  assert.deepEqual(inNamespaces(none, { file: "/bin/true", args: ["x"] }), {
    file: "/bin/true",
    args: ["x"],
  });
});

const READ_AHEAD: [options: string, kib: number | undefined][] = [
  ["", 15_360],
  ["rsize=65536", 960],
  ["rsize=1024", 15],
  ["rsize=65536,rsize=1048576", 15_360],
  ["rsize=x", undefined],
  ["rsize=-1", undefined],
  ["rsize=99999999999999999999", undefined],
];
for (const [options, kib] of READ_AHEAD) {
  test(`the read-ahead with ${options || "the default"} is ${kib === undefined ? "left alone" : `${kib} KiB`}`, () => {
    const size = readSize(nfsOptions(splitOptions(options), TUNNEL));
    assert.equal(size === undefined ? undefined : readAheadKib(size), kib);
  });
}
