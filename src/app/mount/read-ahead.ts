import { statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { nfsOptions, readAheadKib, readSize } from "../../core/nfs/command.ts";
import { mountedAt } from "../../core/nfs/mount-table.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { reason } from "../../system/errno.ts";
import type { Log } from "../../system/log.ts";
import { readMountsIn } from "../../system/mounts.ts";

/**
 * Sets the mount's read-ahead to fifteen reads: since Linux 5.4 the kernel's own is so small for NFS that EFS
 * reads slowly. What goes wrong is logged, and not worth failing for.
 */
export async function tuneReadAhead(request: MountRequest, log: Log): Promise<void> {
  const rsize = readSize(nfsOptions(request.nfsOptions));
  if (rsize === undefined || !isKernelAtLeast(5, 4)) return;
  try {
    const entry = mountedAt(await readMountsIn(request.mountNamespace), request.mountPoint);
    const device = entry?.type.startsWith("nfs") ? entry.device : deviceOf(request.mountPoint);
    writeFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, String(readAheadKib(rsize)));
  } catch (error) {
    log.warning(`The read-ahead of ${request.mountPoint} stays as it is: ${reason(error)}`);
  }
}

function deviceOf(path: string): string {
  const { dev } = statSync(path);
  const major = Math.floor(dev / 256) & 0xfff;
  const minor = (dev & 0xff) | (Math.floor(dev / 0x1000) & 0xfff00);
  return `${major}:${minor}`;
}

function isKernelAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
