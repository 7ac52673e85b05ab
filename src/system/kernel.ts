import type { MountEntry } from "../core/nfs/mount-table.ts";
import { watchMountTable } from "./mount-events.ts";
import { readMounts, readNfsClientPorts } from "./mounts.ts";
import { connectedPorts } from "./procfs.ts";

/** What a watchdog asks the kernel about mounts. */
export interface Kernel {
  /** The mounts that a process sees. */
  mounts(pid: number | "self"): MountEntry[];
  /** The local ports of the kernel's NFS clients in the network namespace of a process. */
  nfsClientPorts(pid: number | "self"): ReadonlySet<number>;
  /** The ports of 127.0.0.1 to which the kernel or root has TCP connections, in the namespace of a process. */
  connectedPorts(pid: number | "self"): ReadonlySet<number>;
  /** Calls `changed` after changes of the mount table, at once, until the returned function is called. */
  watchMounts(changed: () => void): () => void;
}

export const SYSTEM_KERNEL: Kernel = {
  mounts: readMounts,
  nfsClientPorts: readNfsClientPorts,
  connectedPorts,
  watchMounts: watchMountTable,
};
