import assert from "node:assert/strict";
import { test } from "node:test";
import { WITHOUT_TLS } from "../../../src/core/identity/client.ts";
import { advice, noNfsClient } from "../../../src/core/nfs/advice.ts";

const failed = (stderr: string, timedOut = false) => advice({ status: 32, stderr, timedOut }, WITHOUT_TLS);

const CASES: [said: string, advice: RegExp][] = [
  ["mount.nfs4: mount point /mnt/efs does not exist", /mkdir -p/],
  ["mount.nfs4: mount point /etc/hosts is not a directory", /name a directory/],
  [
    "mount.nfs4: mounting 1.2.3.4:/x failed, reason given by server: No such file or directory",
    /path exists/,
  ],
  ["mount.nfs4: mounting 1.2.3.4:/x failed, reason given by server: Not a directory", /not a file/],
  ["mount.nfs4: /mnt/efs is busy or already mounted or sharecache fail", /unmount what is at/],
  ["mount.nfs4: an incorrect mount option was specified", /nfs\(5\)/],
  // nfs-utils 2.8 says where
  ["mount.nfs4: an incorrect mount option was specified for /mnt/efs", /nfs\(5\)/],
  ["mount.nfs4: requested NFS version or transport protocol is not supported for /mnt/efs", /NFS 4\.1/],
  ["mount.nfs4: /mnt/efs is busy or already mounted", /unmount what is at/],
  ["mount.nfs4: Protocol not supported", /NFS 4\.1 client/],
  ["mount.nfs4: requested NFS version or transport protocol is not supported", /NFS 4\.1 client/],
  ["mount.nfs4: Operation not permitted", /CAP_SYS_ADMIN/],
  ["mount.nfs4: Connection timed out", /security group/],
  ["mount.nfs4: No route to host", /security group/],
  ["mount.nfs4: access denied by server while mounting 1.2.3.4:/", /without TLS.*policy/],
  ["nsenter: failed to execute /sbin/mount.nfs4: No such file or directory", /nfs-common/],
  ["mount.nfs4: something else", /see the log/],
  ["", /see the log/],
];
for (const [said, expected] of CASES) {
  test(`what can be done about ${said || "silence"}`, () => assert.match(failed(said), expected));
}

test("what can be done about a mount.nfs4 that was not done in time is the server's, whatever it said", () => {
  assert.match(failed("mount.nfs4: mount point /m does not exist", true), /security group/);
});

test("without an NFS client it is told what to install", () => {
  const { kind, message, hint } = noNfsClient("/sbin/mount.nfs4", undefined);
  assert.deepEqual(
    [kind, message],
    ["system", "/sbin/mount.nfs4 is not there, so that nothing can be mounted"],
  );
  assert.match(hint ?? "", /nfs-common/);
});
