import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mountingPort } from "../../../src/core/nfs/mount-process.ts";

const OPTIONS = "nfsvers=4.1,port=20123,hard";

const cases: [what: string, argv: string[], port: number | undefined][] = [
  ["a mount through a tunnel", ["/sbin/mount.nfs4", "127.0.0.1:/", "/mnt", "-o", OPTIONS], 20_123],
  ["one by a wrapper", ["/bin/sh", "/sbin/mount.nfs4", "127.0.0.1:/a b", "/mnt", "-o", "port=20123"], 20_123],
  ["one by mount.nfs", ["mount.nfs", "127.0.0.1:/", "/mnt", "-o", "rw,port=1"], 1],
  ["a mount of a server", ["/sbin/mount.nfs4", "10.0.0.1:/", "/mnt", "-o", OPTIONS], undefined],
  ["a mount without a port", ["/sbin/mount.nfs4", "127.0.0.1:/", "/mnt", "-o", "hard"], undefined],
  ["a mount without options", ["/sbin/mount.nfs4", "127.0.0.1:/", "/mnt"], undefined],
  ["another option", ["/sbin/mount.nfs4", "127.0.0.1:/", "/mnt", "-o", "mountport=20123"], undefined],
  ["a mount point of such a name", ["/sbin/mount.nfs4", "127.0.0.1:/", "/x,port=5", "-o", "hard"], undefined],
  ["another program", ["/usr/bin/tail", "127.0.0.1:/", "-o", OPTIONS], undefined],
  ["nothing", [], undefined],
];
for (const [what, argv, port] of cases) {
  test(`the port that a process mounts through: ${what}`, () => {
    assert.equal(mountingPort(argv), port);
  });
}

test("no argument vector makes it fail", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom("mount.nfs4", "127.0.0.1:/", "-o", OPTIONS))),
      (argv) => {
        const port = mountingPort(argv);
        assert.ok(port === undefined || Number.isInteger(port));
      },
    ),
  );
});
