import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FileSystemId, type Port, parseFileSystemId } from "../../../src/core/ids.ts";
import { parseMountPoint } from "../../../src/core/request/mount-point.ts";
import { classifyEntry, safeName, tunnelBase, tunnelPaths } from "../../../src/core/tunnel/names.ts";
import { anyText } from "../../support/any-text.ts";

const FS_ID = parseFileSystemId("fs-0123456789abcdef0") as FileSystemId;
const PORT = 20_049 as Port;
/** What a file may be called on every Linux file system. */
const LONGEST_NAME = 255;

const NAMES: [mountPoint: string, name: string][] = [
  ["/mnt/efs", "mnt.efs"],
  ["/mnt", "mnt"],
  ["/", ""],
  ["/mnt/my files", "mnt.my files"],
  ["/.hidden/efs", "hidden.efs"],
  ["/...", ""],
  ["/a.b/c", "a.b.c"],
  ["/größe/π", "größe.π"],
  [`/${"a".repeat(160)}`, "a".repeat(160)],
];
for (const [mountPoint, name] of NAMES) {
  test(`the safe name of ${mountPoint.slice(0, 20)} is ${JSON.stringify(name.slice(0, 20))}`, () => {
    assert.equal(safeName(mountPoint), name);
  });
}

test("a long mount point is cut, and told from others that begin alike", () => {
  const long = `/${"directory/".repeat(40)}`;
  const names = [`${long}a`, `${long}b`].map(safeName);
  assert.notEqual(names[0], names[1]);
  for (const name of names) {
    assert.match(name, /^directory\.directory\..*-[0-9a-f]{16}$/);
    assert.ok(Buffer.byteLength(name) <= 160);
  }
  assert.equal(safeName(`${long}a`), names[0]);
});

test("a long mount point is cut between its characters, however many bytes they have", () => {
  for (const char of ["é", "€", "𐍈"]) {
    for (let shift = 0; shift < 4; shift += 1) {
      const name = safeName(`/${"a".repeat(shift)}${char.repeat(100)}`);
      assert.match(name, new RegExp(`^a{${shift}}${char}+-[0-9a-f]{16}$`, "u"));
    }
  }
});

const mountPoint = fc
  .array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("..", ".", "20049", "x".repeat(150))))
  .map((parts) => `/${parts.join("/")}`.replaceAll(/\p{Cc}/gu, ""))
  .map((path) => parseMountPoint(path, "/"));
const port = fc.integer({ min: 1, max: 65_535 }).map((number) => number as Port);

test("every mount point has names that a directory can hold", () => {
  fc.assert(
    fc.property(mountPoint, port, (path, number) => {
      const base = tunnelBase(FS_ID, path, number);
      assert.doesNotMatch(base, /[/\0]/);
      assert.ok(Buffer.from(base).toString() === base, "it is no text");
      const names = Object.values(tunnelPaths("/s", base)).flatMap((each) => each.split("/"));
      // a file that is being written has a name of its own
      const TEMPORARY = ".0123456789ab.tmp";
      for (const name of names) assert.ok(Buffer.byteLength(name + TEMPORARY) <= LONGEST_NAME, name);
    }),
  );
});

test("the names of a tunnel's files are recognised for what they are", () => {
  fc.assert(
    fc.property(mountPoint, port, (path, number) => {
      const base = tunnelBase(FS_ID, path, number);
      const paths = tunnelPaths("/state", base);
      const nameOf = (file: string) => file.slice("/state/".length);
      for (const [file, kind] of [
        [paths.stateFile, "state"],
        [paths.unfinishedStateFile, "unfinished"],
        [paths.stunnelConfig, "config"],
        [paths.directory, "directory"],
      ] as const) {
        assert.deepEqual(classifyEntry(nameOf(file)), { kind, base, port: number });
      }
      assert.equal(paths.directoryName, nameOf(paths.directory));
    }),
  );
});

test("a tunnel's files are where the interface has them", () => {
  assert.deepEqual(tunnelPaths("/var/run/efs", tunnelBase(FS_ID, "/mnt/efs", PORT)), {
    directory: "/var/run/efs/fs-0123456789abcdef0.mnt.efs.20049+",
    directoryName: "fs-0123456789abcdef0.mnt.efs.20049+",
    stateFile: "/var/run/efs/fs-0123456789abcdef0.mnt.efs.20049",
    unfinishedStateFile: "/var/run/efs/~fs-0123456789abcdef0.mnt.efs.20049",
    stunnelConfig: "/var/run/efs/stunnel-config.fs-0123456789abcdef0.mnt.efs.20049",
    certificate: "/var/run/efs/fs-0123456789abcdef0.mnt.efs.20049+/certificate.pem",
    pidFile: "/var/run/efs/fs-0123456789abcdef0.mnt.efs.20049+/stunnel.pid",
    log: "/var/run/efs/fs-0123456789abcdef0.mnt.efs.20049+/tunnel.log",
  });
});

const ENTRIES: [name: string, kind: string][] = [
  ["fs-deadbeef.mnt.20050", "state 20050"],
  ["fs-deadbeef..20050", "state 20050"],
  ["fs-deadbeef.a.b.1.20050", "state 20050"],
  ["fs-deadbeef.line\nbreak.20050", "state 20050"],
  ["~fs-deadbeef.mnt.20050", "unfinished 20050"],
  ["stunnel-config.fs-deadbeef.mnt.20050", "config 20050"],
  ["fs-deadbeef.mnt.20050+", "directory 20050"],
  ["fs-deadbeef.mnt.0", "other"],
  ["fs-deadbeef.mnt.65536", "other"],
  ["fs-deadbeef.mnt.020050", "other"],
  ["fs-deadbeef.mnt", "other"],
  ["fs-deadbeef.20050", "other"],
  ["fs-deadbeef", "other"],
  ["fs-DEADBEEF.mnt.20050", "other"],
  ["~fs-deadbeef.mnt.20050+", "other"],
  ["stunnel-config.fs-deadbeef.mnt.20050+", "other"],
  ["fs-deadbeef.mnt.20050.0123456789ab.tmp", "other"],
  ["~~fs-deadbeef.mnt.20050", "other"],
  ["xfs-deadbeef.mnt.20050", "other"],
  ["watchdog.lock", "other"],
  ["", "other"],
];
for (const [name, expected] of ENTRIES) {
  test(`${JSON.stringify(name)} in the state directory is ${expected}`, () => {
    const entry = classifyEntry(name);
    assert.equal(entry.kind === "other" ? "other" : `${entry.kind} ${entry.port}`, expected);
  });
}

test("whatever is called anything in the state directory, it is one of the kinds", () => {
  fc.assert(fc.property(anyText(), (name) => void classifyEntry(name)));
});
