import { emptyConfig, parseConfig, settings } from "../../core/config/config.ts";
import type { Settings } from "../../core/config/keys.ts";
import type { TunnelAccess } from "../../core/status/status.ts";
import { readIfThere } from "../../system/files.ts";
import { findFirewall } from "../access/find-firewall.ts";
import { namespacesOf } from "../watchdog/namespaces.ts";
import type { WatchedTunnel } from "../watchdog/watched-tunnel.ts";

/** Who can connect to tunnels, by the packet filter's rules in their network namespaces; root alone can see those. */
export async function tunnelAccess(
  tunnels: readonly WatchedTunnel[],
): Promise<(tunnel: WatchedTunnel) => TunnelAccess | undefined> {
  if (process.geteuid?.() !== 0) return () => undefined;
  const found = new Map<WatchedTunnel, TunnelAccess>();
  for (const [path, ports] of namespacesOf(tunnels)) {
    const closed = await closedPorts(path === "" ? undefined : path);
    if (closed === undefined) continue;
    for (const tunnel of tunnels)
      if (ports.has(tunnel.port) && namespacesOf([tunnel]).has(path))
        found.set(tunnel, closed.has(tunnel.port) ? "root" : "any");
  }
  return (tunnel) => found.get(tunnel);
}

/** Where no program can change the rules, there are none; undefined where they cannot be read. */
async function closedPorts(networkNamespace: string | undefined): Promise<ReadonlySet<number> | undefined> {
  const { firewall } = await findFirewall(networkNamespace);
  return firewall === undefined ? new Set() : firewall.closedPorts().catch(() => undefined);
}

/** The settings of a configuration file; the defaults where it cannot be read, or is wrong. */
export function settingsOrDefaults(path: string): Settings {
  try {
    const text = readIfThere(path);
    if (text !== undefined) return settings(parseConfig(text, path));
  } catch {
    // the doctor tells of it
  }
  return settings(emptyConfig(path));
}
