import { type MountEntry, tunnelPort } from "../nfs/mount-table.ts";
import type { RecordedMount } from "../watchdog/use.ts";

/**
 * The tunnel of a mount: the one of its port; of several (every network namespace has its own ports) the one
 * recorded for its place; where none has the port, as with mounts that share an earlier one's connection, the
 * one that is recorded for the place.
 */
export function tunnelOf<T extends RecordedMount>(mount: MountEntry, tunnels: readonly T[]): T | undefined {
  const port = tunnelPort(mount);
  const samePlace = tunnels.filter(({ mountPoint }) => mountPoint === mount.mountPoint);
  const samePort = tunnels.filter((tunnel) => tunnel.port === port);
  return samePort.find((tunnel) => samePlace.includes(tunnel)) ?? samePort[0] ?? samePlace[0];
}

/** Host and path of what is mounted. */
export function splitSource(source: string): { host: string; path: string } {
  const [, host = source, path = "/"] = /^(\[[^\]]*\]|[^:]*):(.*)$/s.exec(source) ?? [];
  return { host: host.replace(/^\[(.*)\]$/, "$1"), path };
}

/** The server's address in the options of a mount. */
export function addressOf({ superOptions }: MountEntry): string | undefined {
  return /(?:^|,)addr=([^,]+)/.exec(superOptions)?.[1];
}
