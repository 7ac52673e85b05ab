import { readFileSync } from "node:fs";
import { type MountEntry, parseMountInfo, parseNfsServers } from "../core/nfs/mount-table.ts";

/** The mounts that a process sees. */
export function readMounts(pid: number | "self" = "self"): MountEntry[] {
  return parseMountInfo(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
}

/**
 * The local ports of the kernel's NFS clients in the network namespace of `pid`. Without an NFS client in
 * the kernel there are none.
 */
export function readNfsClientPorts(pid: number | "self" = "self"): Set<number> {
  try {
    return parseNfsServers(readFileSync(`/proc/${pid}/net/nfsfs/servers`, "latin1"));
  } catch {
    return new Set();
  }
}
