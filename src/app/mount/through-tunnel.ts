import { inNamespaces, type NfsServer } from "../../core/nfs/command.ts";
import { tunnelPort } from "../../core/nfs/mount-table.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { readMountsIn } from "../../system/mounts.ts";
import { run } from "../../system/process.ts";
import type { WatchedContext } from "../context.ts";
import { openTunnel, type TunnelRequest } from "../tunnel/open.ts";
import { ServerCheck } from "../tunnel/server-check.ts";
import { ensureWatchdog } from "./ensure-watchdog.ts";
import { mountNfs, type NfsMount } from "./nfs.ts";

/**
 * Mounts through a tunnel of the mount's own. Where that fails nothing of either is left.
 *
 * @param mount what mount.nfs4 is run with, for a server
 * @throws EfsError
 */
export async function mountThroughTunnel(
  request: TunnelRequest,
  { mountPoint, mountNamespace }: MountRequest,
  mount: (server: NfsServer) => NfsMount,
  context: WatchedContext,
): Promise<void> {
  const { tls, target } = request;
  const watchdog = ensureWatchdog(context);
  await using tunnel = await openTunnel(request, context);
  context.step(`a tunnel listens on 127.0.0.1:${tunnel.port}, stunnel ${tunnel.running.stunnel.pid}`);
  using check = new ServerCheck(tunnel, target);
  context.sees(() => check.describe());
  const mountsOfPort = async () =>
    (await readMountsIn(mountNamespace)).filter((entry) => tunnelPort(entry) === tunnel.port).length;
  // those of other network namespaces may have the same port
  const others = await mountsOfPort();
  const isMounted = async () => (await mountsOfPort()) > others;
  try {
    const signal = AbortSignal.any([context.signal, check.signal]);
    if (tls.verify > 0) {
      await check.prove(signal);
      context.step(check.describe());
    }
    const server: NfsServer = { kind: "tunnel", port: tunnel.port };
    await mountNfs(
      { ...mount(server), identity: tunnel.identity, seen: () => check.describe() },
      context,
      signal,
    );
    const refused = check.refusal();
    if (refused !== undefined && !(await isMounted())) throw refused;
    tunnel.commit();
  } catch (error) {
    if (await isMounted().catch(() => false)) await unmount(mountPoint, mountNamespace);
    throw error;
  }
  await watchdog;
}

const UNMOUNT_LIMIT_MS = 10_000;

/** Takes back a mount that was made while everything else was being given up. */
async function unmount(mountPoint: string, mountNamespace: string | undefined): Promise<void> {
  const { file, args } = inNamespaces(
    { mountNamespace, networkNamespace: undefined },
    { file: "/bin/umount", args: ["-i", "-l", mountPoint] },
  );
  await run(file, args, { timeoutMs: UNMOUNT_LIMIT_MS });
}
