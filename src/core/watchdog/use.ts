import { type MountEntry, tunnelPort } from "../nfs/mount-table.ts";

/** Who needs a tunnel. */
export type Use =
  /** Its mount is in the mount table. */
  | "mounted"
  /**
   * The mount is not in our mount table, but the kernel has an NFS client for the port: unmounted lazily,
   * mounted in another namespace, or shared by mounts of the same server.
   */
  | "lingering"
  | "unused";

/** What is recorded of a tunnel's mount. */
export interface RecordedMount {
  readonly base: string;
  readonly port: number;
  readonly mountPoint: string | undefined;
}

/**
 * The bases of the tunnels whose mount is in the table: by its port, or, as the kernel may serve a mount
 * through the tunnel of an earlier one, by its place. A place alone does not count where the port that the
 * table shows there is that of another tunnel recorded for the same place: then it was mounted anew.
 */
export function mountedTunnels(
  tunnels: readonly RecordedMount[],
  mounts: readonly MountEntry[],
): Set<string> {
  const byPort = groupBy(tunnels, ({ port }) => port);
  const byPlace = groupBy(tunnels, ({ mountPoint }) => mountPoint);
  const mounted = new Set<string>();
  for (const mount of mounts) {
    const port = tunnelPort(mount);
    if (port === undefined) continue;
    const samePort = byPort.get(port) ?? [];
    const samePlace = byPlace.get(mount.mountPoint) ?? [];
    // one port may be recorded twice (every network namespace has its own ports): then the place decides
    const both = samePort.filter((tunnel) => samePlace.includes(tunnel));
    for (const { base } of both.length > 0 ? both : [...samePort, ...samePlace]) mounted.add(base);
  }
  return mounted;
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
