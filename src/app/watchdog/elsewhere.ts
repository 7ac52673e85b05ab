import { ownNamespaces, seesAll, whereabouts } from "../../system/namespaces.ts";
import { findProcesses, holdsSocket, listenerInode } from "../../system/procfs.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/**
 * Whether a tunnel runs, or may run, where this watchdog cannot look: in another container that has the same state
 * directory. In the same network namespace its port tells: somebody listens whom nobody here is. In another one
 * nothing does.
 */
export function runsElsewhere({ state, processes, port }: WatchedTunnel): boolean {
  const namespaces = state?.namespaces;
  if (processes.stunnel !== undefined || processes.keeper !== undefined || namespaces === undefined)
    return false;
  if (whereabouts(namespaces) !== "elsewhere" || seesAll()) return false;
  if (namespaces.net !== ownNamespaces()?.net) return true;
  const inode = listenerInode(port);
  return inode !== undefined && findProcesses(({ pid }) => holdsSocket(pid, inode)).length === 0;
}
