import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type MountEntry,
  mountedAt,
  parseMountInfo,
  parseNfsServers,
  tunnelPort,
} from "../../../src/core/nfs/mount-table.ts";
import { anyText } from "../../support/any-text.ts";

const TUNNEL_OPTIONS =
  "rw,vers=4.1,rsize=1048576,wsize=1048576,namlen=255,hard,noresvport,proto=tcp,port=20049,timeo=600,retrans=2,sec=sys,clientaddr=127.0.0.1,local_lock=none,addr=127.0.0.1";

const TABLE = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid - proc proc rw
98 22 0:50 / /mnt/efs rw,relatime shared:55 master:3 - nfs4 127.0.0.1:/ ${TUNNEL_OPTIONS}
99 22 0:51 / /mnt/with\\040blank rw - nfs4 127.0.0.1:/a\\040b ${TUNNEL_OPTIONS}
100 22 0:52 / /mnt/other rw - nfs4 fs-1.efs.example:/ rw,vers=4.1,port=0,addr=10.0.0.1
101 98 0:53 / /mnt/efs rw - tmpfs none rw
`;

test("a mount table is read as the kernel writes it", () => {
  const entries = parseMountInfo(TABLE);
  assert.equal(entries.length, 6);
  assert.deepEqual(entries[2], {
    id: 98,
    device: "0:50",
    mountPoint: "/mnt/efs",
    type: "nfs4",
    source: "127.0.0.1:/",
    superOptions: TUNNEL_OPTIONS,
  });
  assert.equal(entries[3]?.mountPoint, "/mnt/with blank");
  assert.equal(entries[3]?.source, "127.0.0.1:/a b");
});

test("of several mounts at one place the last one covers the others", () => {
  const entries = parseMountInfo(TABLE);
  assert.equal(mountedAt(entries, "/mnt/efs")?.type, "tmpfs");
  assert.equal(mountedAt(entries, "/mnt/with blank")?.device, "0:51");
  assert.equal(mountedAt(entries, "/mnt"), undefined);
});

const ODD_LINES = [
  "",
  "-",
  " - ",
  "98 22 0:50 / /mnt/efs rw",
  "98 22 0:50 / /mnt/efs rw - nfs4",
  "98 22 0:50 - nfs4 127.0.0.1:/ rw",
  "98 22 0:50 / /mnt/efs rw -",
];
for (const line of ODD_LINES) {
  test(`a line that is not understood is left out: ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parseMountInfo(`${line}\n${TABLE}${line}`).length, 6);
  });
}

test("a mount without options is one, and mounts without optional fields are", () => {
  const [entry] = parseMountInfo("98 22 0:50 / /mnt rw - nfs4 127.0.0.1:/");
  assert.equal(entry?.superOptions, "");
});

/** As the kernel writes a path (seq_path(9)). */
const escaped = (path: string) =>
  path.replaceAll(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);

test("every mount point comes back as it is", () => {
  const path = fc
    .oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: fc.constantFrom(..." \t\n\\-0134#é") }))
    .map((text) => `/${text}`);
  fc.assert(
    fc.property(path, path, (mountPoint, remotePath) => {
      const line = `9 1 0:5 / ${escaped(mountPoint)} rw - nfs4 ${escaped(`127.0.0.1:${remotePath}`)} rw`;
      const [entry] = parseMountInfo(`${line}\n`);
      assert.equal(entry?.mountPoint, mountPoint);
      assert.equal(entry?.source, `127.0.0.1:${remotePath}`);
    }),
  );
});

test("whatever a mount table holds, it can be read", () => {
  const piece = fc.oneof(fc.constantFrom(" - ", " ", "\n", "\\040", "\\777", "nfs4", "0:1"), anyText());
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      for (const entry of parseMountInfo(pieces.join(""))) tunnelPort(entry);
    }),
  );
});

function entry(change: Partial<MountEntry>): MountEntry {
  const [made] = parseMountInfo(`9 1 0:5 / /m rw - nfs4 127.0.0.1:/ ${TUNNEL_OPTIONS}`);
  assert.ok(made !== undefined);
  return { ...made, ...change };
}

const PORTS: [what: string, entry: MountEntry, port: number | undefined][] = [
  ["a mount through a tunnel", entry({}), 20_049],
  ["its options in another order", entry({ superOptions: "addr=127.0.0.1,port=20050,rw" }), 20_050],
  ["a mount of another address", entry({ superOptions: "port=20049,addr=127.0.0.10" }), undefined],
  [
    "one whose client address alone is local",
    entry({ superOptions: "port=2049,clientaddr=127.0.0.1,addr=10.0.0.1" }),
    undefined,
  ],
  ["one without a port", entry({ superOptions: "rw,addr=127.0.0.1,mountport=5" }), undefined],
  ["no NFS", entry({ type: "tmpfs" }), undefined],
];
for (const [what, mount, port] of PORTS) {
  test(`the tunnel's port of ${what} is ${port ?? "none"}`, () => assert.equal(tunnelPort(mount), port));
}

test("the kernel's NFS clients are read with their local ports", () => {
  const text = `NV SERVER   PORT USE HOSTNAME
v4 7f000001 4e51   2 127.0.0.1
v4 0a000001 0801   1 fs-1.efs.example
v4 7F000001 4E52   1 127.0.0.1
v3 7f000001 801 1 localhost
`;
  assert.deepEqual(parseNfsServers(text), new Set([20_049, 20_050, 2049]));
});

test("lines that are no NFS client are passed over", () => {
  for (const text of [
    "",
    "\n\n",
    "NV SERVER PORT USE HOSTNAME\n",
    "v4 7f000001",
    "v4 7f000001 port 1 x",
    "7f000001 4e51",
  ]) {
    assert.deepEqual(parseNfsServers(text), new Set());
  }
  fc.assert(fc.property(anyText(), (text) => void parseNfsServers(text)));
});
