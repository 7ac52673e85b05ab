import { ownNamespaces, whereabouts } from "../../system/namespaces.ts";
import { foreignProcess } from "./uses.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** The ports of tunnels by the path of their network namespace, which is "" for that of this process. */
export function namespacesOf(tunnels: Iterable<WatchedTunnel>): Map<string, Set<number>> {
  const places = new Map<string, Set<number>>();
  for (const tunnel of tunnels) {
    const path = namespaceOf(tunnel);
    if (path !== undefined) places.set(path, (places.get(path) ?? new Set()).add(tunnel.port));
  }
  return places;
}

/** Undefined where it cannot be entered from here. */
function namespaceOf(tunnel: WatchedTunnel): string | undefined {
  const { networkNamespace, state, processes } = tunnel;
  if (networkNamespace !== undefined) return networkNamespace;
  const pid = foreignProcess(tunnel);
  if (pid !== undefined) return `/proc/${pid}/ns/net`;
  const isSeen = processes.stunnel !== undefined || processes.keeper !== undefined;
  const recorded = state?.namespaces;
  const isElsewhere = recorded !== undefined && whereabouts(recorded) === "elsewhere";
  return !isSeen && isElsewhere && recorded.net !== ownNamespaces()?.net ? undefined : "";
}
