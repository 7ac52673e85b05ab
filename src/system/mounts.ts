import { EfsError } from "../core/errors.ts";
import { type MountEntry, parseMountInfo, parseNfsServers } from "../core/nfs/mount-table.ts";
import { hasCode, reason } from "./errno.ts";
import { readProcFile } from "./proc-file.ts";
import { run } from "./process.ts";

const ENTER_LIMIT_MS = 10_000;

/** The mounts that a process sees. */
export function readMounts(pid: number | "self" = "self"): MountEntry[] {
  return parseMountInfo(readProcFile(`/proc/${pid}/mountinfo`));
}

/**
 * The mounts of a mount namespace by its path; without one, those that this process sees.
 *
 * @throws EfsError (system) where the namespace cannot be entered
 */
export async function readMountsIn(namespace: string | undefined): Promise<MountEntry[]> {
  if (namespace === undefined) return readMounts();
  const command = [`--mount=${namespace}`, "/bin/cat", "/proc/self/mountinfo"];
  const { status, stdout, stderr } = await run("/usr/bin/nsenter", command, { timeoutMs: ENTER_LIMIT_MS });
  if (status === 0) return parseMountInfo(stdout);
  throw new EfsError("system", `the mount namespace ${namespace} cannot be used: ${stderr.trim()}`, {
    hint: "check the path of -N, as in /proc/PID/ns/mnt",
  });
}

/**
 * The local ports of the kernel's NFS clients in the network namespace of `pid`. Without an NFS client in
 * the kernel, or without the process, there are none.
 *
 * @throws EfsError (system) where the list is there and cannot be read: no client is something else
 */
export function readNfsClientPorts(pid: number | "self" = "self"): Set<number> {
  try {
    return parseNfsServers(readProcFile(`/proc/${pid}/net/nfsfs/servers`));
  } catch (cause) {
    // a zombie has no network namespace any more (EINVAL)
    if (hasCode(cause, "ENOENT", "ESRCH", "EINVAL")) return new Set();
    throw new EfsError("system", `cannot read the kernel's NFS clients: ${reason(cause)}`, {
      hint: "check the limits on open files and memory",
      cause,
    });
  }
}
