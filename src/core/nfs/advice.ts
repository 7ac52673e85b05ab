import { EfsError } from "../errors.ts";
import type { ClientIdentity } from "../identity/client.ts";
import type { Attempt } from "./retry.ts";

const INSTALL = "install the system's NFS client: nfs-common on Debian and Ubuntu, nfs-utils elsewhere";

/**
 * What mount.nfs4 says (nfs-utils, utils/mount/error.c), or nsenter(1) before it, and what the reader can do. The
 * first that fits counts.
 */
const ADVICE: readonly (readonly [said: RegExp, hint: string])[] = [
  [/nsenter: failed to execute/, INSTALL],
  [/mount point .* does not exist/i, "make the mount point with mkdir -p"],
  [/mount point .* is not a directory/i, "name a directory as the mount point"],
  [/no such file or directory/i, "check that the path exists in the file system"],
  [/not a directory/i, "mount a directory of the file system, not a file"],
  [/busy or already mounted/i, "unmount what is at the mount point, or choose another one"],
  [
    /incorrect mount option|invalid argument/i,
    "correct the options: nfs(5) has them, and dmesg tells which is wrong",
  ],
  [
    /version or transport protocol is not supported|protocol not supported|no such device|unknown filesystem/i,
    "check that the kernel has an NFS 4.1 client (modprobe nfsv4), and leave out nfsvers and vers",
  ],
  [/operation not permitted/i, "check that the process may mount: in a container it needs CAP_SYS_ADMIN"],
  [
    /timed out|refused|reset|no route|unreachable/i,
    "check that the mount target is available and that its security group lets this machine in on port 2049",
  ],
];

/** What can be done about an attempt that failed. */
export function advice({ stderr, timedOut }: Attempt, { who, check }: ClientIdentity): string {
  if (/access denied/i.test(stderr)) return `this client connected ${who}: check ${check}`;
  const said = timedOut ? "timed out" : stderr;
  return ADVICE.find(([pattern]) => pattern.test(said))?.[1] ?? "see the log and mount.nfs4(8)";
}

/** There is no mount.nfs4. */
export function noNfsClient(program: string, cause: unknown): EfsError {
  return new EfsError("system", `${program} is not there, so that nothing can be mounted`, {
    hint: INSTALL,
    cause,
  });
}
