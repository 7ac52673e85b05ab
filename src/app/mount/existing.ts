import { readdirSync } from "node:fs";
import { EfsError } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import type { ResolvedTarget } from "../../core/location/target.ts";
import { nfsDevice } from "../../core/nfs/command.ts";
import { type MountEntry, mountedAt, tunnelPort } from "../../core/nfs/mount-table.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { parseState } from "../../core/state/state.ts";
import { classifyEntry } from "../../core/tunnel/names.ts";
import { readIfThere } from "../../system/files.ts";

/**
 * Whether what is to be mounted is mounted there already. Other kinds of file systems at the mount point (a
 * tmpfs, an automount's trigger) are mounted over.
 *
 * @param mounts what is mounted where the request wants to mount
 * @throws EfsError (mount) where another NFS file system is mounted there
 */
export function isMountedAlready(
  request: MountRequest,
  target: ResolvedTarget,
  mounts: readonly MountEntry[],
  stateDirectory: string,
): boolean {
  const entry = mountedAt(mounts, request.mountPoint);
  if (entry === undefined || !entry.type.startsWith("nfs")) return false;
  const tunnel = tunnelOf(entry, stateDirectory);
  const isSame =
    request.security.kind === "plain"
      ? [target, { ...target, address: undefined }].some((known) =>
          isOf(entry, nfsDevice({ kind: "direct", target: known }, request.remotePath)),
        )
      : isOf(entry, `127.0.0.1:${request.remotePath}`) &&
        tunnel?.fsId === target.fsId &&
        tunnel.accessPoint === request.security.accessPoint;
  if (isSame) return true;
  throw new EfsError("mount", `${request.mountPoint} has ${whatIs(entry, tunnel)} mounted already`, {
    hint: "unmount it first, or choose another mount point",
  });
}

/** Whether a mount is of this device and path; the mount table has paths without slashes that say nothing. */
function isOf({ source }: MountEntry, device: string): boolean {
  const plain = (text: string) => text.replaceAll(/\/{2,}/g, "/").replace(/(?<=[^:])\/$/, "");
  return plain(source) === plain(device);
}

/**
 * The port of the tunnel that the mount at a place uses.
 *
 * @throws EfsError (mount) where there is none
 */
export function tunnelInPlace(mountPoint: string, mounts: readonly MountEntry[]): Port {
  const entry = mountedAt(mounts, mountPoint);
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

interface KnownTunnel {
  readonly fsId: string | undefined;
  readonly accessPoint: string | undefined;
}

function whatIs(entry: MountEntry, tunnel: KnownTunnel | undefined): string {
  if (tunnel?.fsId === undefined) return entry.source;
  const { fsId, accessPoint } = tunnel;
  const through = accessPoint === undefined ? "" : `, access point ${accessPoint}`;
  return `${fsId} (${entry.source}, port ${tunnelPort(entry)}${through})`;
}

/** What the tunnel of a mount leads to, by its state file. */
function tunnelOf(mount: MountEntry, stateDirectory: string): KnownTunnel | undefined {
  const port = tunnelPort(mount);
  if (port === undefined) return undefined;
  try {
    const name = readdirSync(stateDirectory).find((candidate) => {
      const entry = classifyEntry(candidate);
      return (entry.kind === "state" || entry.kind === "unfinished") && entry.port === port;
    });
    if (name === undefined) return undefined;
    const { fsId, accessPoint } = parseState(
      readIfThere(`${stateDirectory}/${name}`) ?? "",
      name,
      stateDirectory,
    );
    // older state files have the id in their names only
    return { fsId: fsId ?? name.replace(/^~/, "").split(".")[0], accessPoint };
  } catch {
    return undefined;
  }
}
