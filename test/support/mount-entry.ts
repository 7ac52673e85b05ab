import type { MountEntry } from "../../src/core/nfs/mount-table.ts";

/** A line of the mount table, of a mount through a local port. */
export function mountEntry(mountPoint: string, port: number): MountEntry {
  return {
    id: port,
    device: `0:${port}`,
    mountPoint,
    type: "nfs4",
    source: "127.0.0.1:/",
    superOptions: `rw,vers=4.1,port=${port},clientaddr=127.0.0.1,addr=127.0.0.1`,
  };
}
