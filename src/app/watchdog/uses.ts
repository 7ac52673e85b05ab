import { existsSync } from "node:fs";
import { mountedTunnels, type Use } from "../../core/watchdog/use.ts";
import type { Kernel } from "../../system/kernel.ts";
import { networkNamespaceOf, ownNamespaces } from "../../system/namespaces.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/**
 * Reads who uses which tunnel at this moment.
 *
 * @param tunnels all that there are: a mount is told from another one's by them
 * @throws EfsError (system) where the kernel's lists cannot be read
 */
export function readUses(kernel: Kernel, tunnels: Iterable<WatchedTunnel>): (tunnel: WatchedTunnel) => Use {
  const mounted = mountedTunnels(
    Array.from(tunnels, (tunnel) => tunnel.recordedMount),
    kernel.mounts("self"),
  );
  const clients = kernel.nfsClientPorts("self");
  let connected: ReadonlySet<number> | undefined;
  return (tunnel) => {
    if (mounted.has(tunnel.base)) return "mounted";
    const pid = foreignProcess(tunnel);
    if (pid !== undefined)
      return isUsed(tunnel, kernel.nfsClientPorts(pid), () => kernel.connectedPorts(pid));
    const namespace = tunnel.networkNamespace;
    // nothing of it lives in there to look through: once its tunnel is back, there is
    if (namespace !== undefined) return existsSync(namespace) ? "lingering" : "unused";
    return isUsed(tunnel, clients, () => {
      connected ??= kernel.connectedPorts("self");
      return connected;
    });
  };
}

/** An NFS client says goodbye to its server when it is on no list any more, and its connection ends after that. */
function isUsed(
  { port }: WatchedTunnel,
  clients: ReadonlySet<number>,
  connected: () => ReadonlySet<number>,
): Use {
  return clients.has(port) || connected().has(port) ? "lingering" : "unused";
}

/** A process of the tunnel in another network namespace than ours, which has its own NFS clients. */
export function foreignProcess({ processes: { stunnel, keeper } }: WatchedTunnel): number | undefined {
  const pid = stunnel?.pid ?? keeper?.pid;
  if (pid === undefined) return undefined;
  const namespace = networkNamespaceOf(pid);
  return namespace === undefined || namespace === ownNamespaces()?.net ? undefined : pid;
}
