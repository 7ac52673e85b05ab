import type { Settings } from "../../core/config/keys.ts";
import type { ResolvedTarget } from "../../core/location/target.ts";
import { inNamespaces, type NfsServer } from "../../core/nfs/command.ts";
import { tunnelPort } from "../../core/nfs/mount-table.ts";
import type { MountRequest, TlsRequest } from "../../core/request/request.ts";
import { readMountsIn } from "../../system/mounts.ts";
import { run } from "../../system/process.ts";
import type { MountContext, WatchedContext } from "../context.ts";
import { openPort, reserveClosedPort } from "../tunnel/access.ts";
import type { TunnelNetwork } from "../tunnel/network.ts";
import { accessParts, openTunnel, type TunnelRequest, tunnelSettings } from "../tunnel/open.ts";
import { reservePort } from "../tunnel/port.ts";
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
  const tunnel = await openTunnel(request, context);
  context.step(`a tunnel listens on 127.0.0.1:${tunnel.port}, stunnel ${tunnel.running.stunnel.pid}`);
  const check = new ServerCheck(tunnel, target);
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
    await tunnel.undo();
    throw error;
  } finally {
    check.stop();
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

/** The checks of -f: everything up to the start of the tunnel, and nothing is left of them. */
export async function checkTunnel(
  network: TunnelNetwork,
  tls: TlsRequest,
  target: ResolvedTarget,
  settings: Settings,
  context: MountContext,
): Promise<void> {
  tunnelSettings(tls, target, settings, context);
  const { paths, random } = context;
  const access = accessParts(network, settings, context);
  const socket = await reserveClosedPort(
    () => reservePort(tls.port, settings, paths.stateDirectory, random(), network),
    () => () => {},
    access,
  );
  socket.close();
  await openPort(socket.port, access);
}
