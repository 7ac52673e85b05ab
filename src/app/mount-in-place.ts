import { readdirSync } from "node:fs";
import { EfsError } from "../core/errors.ts";
import type { Port } from "../core/ids.ts";
import { nfsDevice } from "../core/nfs/command.ts";
import { type MountEntry, mountedAt, tunnelPort } from "../core/nfs/mount-table.ts";
import type { MountRequest } from "../core/request/request.ts";
import { parseState } from "../core/state/state.ts";
import type { ResolvedTarget } from "../core/target/target.ts";
import { classifyEntry } from "../core/tunnel/names.ts";
import { readIfThere } from "../system/files.ts";
import { readMounts } from "../system/mounts.ts";

/**
 * Whether what is to be mounted is mounted there already. Other kinds of file systems at the mount point (a
 * tmpfs, an automount's trigger) are mounted over.
 *
 * @throws EfsError (mount) where another NFS file system is mounted there
 */
export function isMountedAlready(
  request: MountRequest,
  target: ResolvedTarget,
  stateDirectory: string,
): boolean {
  const entry = mountedAt(readMounts(), request.mountPoint);
  if (entry === undefined || !entry.type.startsWith("nfs")) return false;
  const port = tunnelPort(entry);
  const isSame =
    request.security.kind === "plain"
      ? entry.source === nfsDevice({ kind: "direct", target }, request.remotePath)
      : port !== undefined &&
        entry.source === `127.0.0.1:${request.remotePath}` &&
        fileSystemOf(port, stateDirectory) === target.fsId;
  if (isSame) return true;
  throw new EfsError("mount", `${request.mountPoint} has ${whatIs(entry, stateDirectory)} mounted already`, {
    hint: "unmount it first, or choose another mount point",
  });
}

/**
 * The port of the tunnel that the mount at a place uses.
 *
 * @throws EfsError (mount) where there is none
 */
export function tunnelInPlace(mountPoint: string): Port {
  const entry = mountedAt(readMounts(), mountPoint);
  const port = entry === undefined ? undefined : tunnelPort(entry);
  if (port !== undefined) return port as Port;
  throw new EfsError(
    "mount",
    `${mountPoint} is not mounted through a tunnel, so that it cannot be remounted`,
    {
      hint: "mount it without the option remount",
    },
  );
}

function whatIs(entry: MountEntry, stateDirectory: string): string {
  const port = tunnelPort(entry);
  const fsId = port === undefined ? undefined : fileSystemOf(port, stateDirectory);
  return fsId === undefined ? entry.source : `${fsId} (${entry.source}, port ${port})`;
}

/** The file system that the tunnel on a port leads to, by its state file. */
function fileSystemOf(port: number, stateDirectory: string): string | undefined {
  try {
    const name = readdirSync(stateDirectory).find((candidate) => {
      const entry = classifyEntry(candidate);
      return (entry.kind === "state" || entry.kind === "unfinished") && entry.port === port;
    });
    if (name === undefined) return undefined;
    const state = parseState(readIfThere(`${stateDirectory}/${name}`) ?? "", name, stateDirectory);
    // older state files have the id in their names only
    return state.fsId ?? name.replace(/^~/, "").split(".")[0];
  } catch {
    return undefined;
  }
}
