import { ownNamespaces, seesAll, whereabouts } from "../../system/namespaces.ts";
import { findProcesses, holdsSocket, listenerOn } from "../../system/procfs.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/**
 * Whether a tunnel runs, or may run, where this watchdog cannot look: in another container that has the same state
 * directory. In the same network namespace its port tells: a root listens there that is none here. In another one
 * nothing does.
 */
export function runsElsewhere({ state, processes, port }: WatchedTunnel): boolean {
  const namespaces = state?.namespaces;
  if (processes.stunnel !== undefined || processes.keeper !== undefined || namespaces === undefined)
    return false;
  if (whereabouts(namespaces) !== "elsewhere" || seesAll()) return false;
  if (namespaces.net !== ownNamespaces()?.net) return true;
  const listener = listenerOn(port);
  if (listener?.uid !== 0) return false;
  return findProcesses(({ pid }) => holdsSocket(pid, listener.inode)).length === 0;
}
