import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMountInfo } from "../../../src/core/nfs/mount-table.ts";
import { mountedTunnels } from "../../../src/core/watchdog/use.ts";

const nfs = (place: string, port: number, address = "127.0.0.1") =>
  `36 25 0:31 / ${place} rw,relatime shared:1 - nfs4 ${address}:/ rw,vers=4.1,rsize=1048576,port=${port},addr=${address}`;

const A = { base: "a", port: 20_049, mountPoint: "/mnt/a" };
const B = { base: "b", port: 20_050, mountPoint: "/mnt/b" };
const A_ANEW = { base: "a-anew", port: 20_051, mountPoint: "/mnt/a" };
const ELSEWHERE = { base: "elsewhere", port: 20_049, mountPoint: "/mnt/elsewhere" };
const OLD = { base: "old", port: 20_052, mountPoint: undefined };

const cases: [what: string, tunnels: (typeof A | typeof OLD)[], table: string[], mounted: string[]][] = [
  ["nothing is mounted", [A, B], [], []],
  ["by its port", [A, B], [nfs("/mnt/a", 20_049)], ["a"]],
  [
    "by its port at another place, as a bind mount or below a renamed directory",
    [A],
    [nfs("/srv/x", 20_049)],
    ["a"],
  ],
  ["by its port where no mount point is recorded", [OLD], [nfs("/mnt/old", 20_052)], ["old"]],
  [
    "by its place, served by the kernel through another tunnel, which both need",
    [A, B],
    [nfs("/mnt/b", 20_049)],
    ["a", "b"],
  ],
  [
    "mounted anew at the same place: the old tunnel is not used",
    [A, A_ANEW],
    [nfs("/mnt/a", 20_051)],
    ["a-anew"],
  ],
  [
    "the same port in two network namespaces: the place decides",
    [A, ELSEWHERE],
    [nfs("/mnt/elsewhere", 20_049)],
    ["elsewhere"],
  ],
  [
    "the same port in two network namespaces, at neither place: both may be",
    [A, ELSEWHERE],
    [nfs("/x", 20_049)],
    ["a", "elsewhere"],
  ],
  ["an NFS mount of another server is none of ours", [A], [nfs("/mnt/a", 20_049, "10.0.0.1")], []],
  [
    "another kind of mount at its place is none of ours",
    [A],
    ["36 25 0:31 / /mnt/a rw - tmpfs tmpfs rw"],
    [],
  ],
  [
    "blanks in the mount point",
    [{ ...A, mountPoint: "/mnt/my files" }],
    [nfs("/mnt/my\\040files", 1)],
    ["a"],
  ],
  [
    "below another mount at the same place",
    [A],
    [nfs("/mnt/a", 20_049), "37 25 0:9 / /mnt/a rw - tmpfs t rw"],
    ["a"],
  ],
];

for (const [what, tunnels, table, mounted] of cases) {
  test(`mounted: ${what}`, () => {
    assert.deepEqual([...mountedTunnels(tunnels, parseMountInfo(table.join("\n")))].sort(), mounted);
  });
}
