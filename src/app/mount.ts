import type { Settings } from "../core/config/keys.ts";
import { requireTls } from "../core/encryption/rules.ts";
import { mountCommand, type NfsServer } from "../core/nfs/command.ts";
import { tunnelPort } from "../core/nfs/mount-table.ts";
import { retryPolicy } from "../core/nfs/retry.ts";
import type { MountRequest, TlsRequest } from "../core/request/request.ts";
import type { ResolvedTarget } from "../core/target/target.ts";
import { readMounts } from "../system/mounts.ts";
import { run } from "../system/process.ts";
import { isSystemdRunning, isUnitActive } from "../system/systemd.ts";
import { requireEncryptionAtRest } from "./at-rest.ts";
import type { MountContext } from "./context.ts";
import { findCredentials } from "./credentials.ts";
import { ensureWatchdog } from "./ensure-watchdog.ts";
import { isMountedAlready, tunnelInPlace } from "./mount-in-place.ts";
import { type TunnelNetwork, tunnelNetwork } from "./namespace-socket.ts";
import { mountNfs, type NfsMount } from "./nfs.ts";
import { reservePort } from "./port.ts";
import { tuneReadAhead } from "./read-ahead.ts";
import { resolveTarget, type TargetContext, usesFips } from "./target.ts";
import { openTunnel, type TunnelRequest, tunnelParts, tunnelSettings } from "./tls.ts";
import { TunnelGuard } from "./tunnel-guard.ts";

/** What came of it, where nothing failed. */
export type MountResult =
  | "mounted"
  /** The same device and path was mounted there before. */
  | "already-mounted"
  /** Checked only, as asked for with -f. */
  | "checked"
  /** The network is not up yet, and the boot must not fail for it. */
  | "too-early";

/**
 * Mounts a file system, or leaves nothing behind.
 *
 * @throws EfsError
 */
export async function mountFileSystem(
  request: MountRequest,
  context: MountContext,
  targetContext: TargetContext,
): Promise<MountResult> {
  // what it takes to be in another one is made ready while the target is looked up
  const network = tunnelNetwork(request.networkNamespace, context.paths.socketMaker);
  try {
    const reaches = network.reaches.bind(network);
    return await mountIn(network, request, context, { ...targetContext, reaches });
  } finally {
    network.leave();
  }
}

async function mountIn(
  network: TunnelNetwork,
  request: MountRequest,
  context: MountContext,
  targetContext: TargetContext,
): Promise<MountResult> {
  const { security, mountPoint, remotePath } = request;
  const tls = security.kind === "tls" ? security : undefined;
  // what does not depend on each other is found out at the same time
  const lookUp = all([resolveTarget(request, targetContext), tls && tunnelParts(context)]);
  lookUp.catch(() => {});
  // without a network neither may be found, and the boot must not fail for that
  if (await unlessAborted(isNetworkMissing(request), context.signal)) return "too-early";
  const [target, parts] = await unlessAborted(lookUp, context.signal);
  context.located(target);
  const settings = targetContext.settingsFor(target.region);
  requireTls(request, target, settings);
  if (settings.require_encryption_at_rest) {
    const fips = usesFips(settings, targetContext.environment);
    const caller = { region: target.region, profile: tls?.iam?.profile, fips };
    await unlessAborted(requireEncryptionAtRest(target, caller, context), context.signal);
  }
  const mounts = readMounts();
  // the table says nothing of another namespace
  const isAnother = request.mountNamespace !== undefined;
  const isThere = !isAnother && isMountedAlready(request, target, mounts, context.paths.stateDirectory);
  if (isThere && !request.remount) {
    context.log.info(`${target.dnsName}:${remotePath} is mounted at ${mountPoint} already`);
    return "already-mounted";
  }
  const credentials = { ...targetContext, region: target.region };
  const found = tls?.iam && (await unlessAborted(findCredentials(tls.iam, credentials), context.signal));
  if (request.fake) {
    if (tls) await checkTunnel(network, tls, target, settings, context);
    context.log.info(`Checked ${target.dnsName} for ${mountPoint}; nothing is mounted`);
    return "checked";
  }
  const mount = (server: NfsServer) => nfsMount(request, server, target, settings, context);
  if (tls === undefined || parts === undefined) {
    await mountNfs(mount({ kind: "direct", target }), context, context.signal);
  } else if (request.remount) {
    await mountNfs(
      mount({ kind: "tunnel", port: tunnelInPlace(mountPoint, mounts) }),
      context,
      context.signal,
    );
  } else {
    await mountThroughTunnel({ tls, mountPoint, network, target, settings, parts, found }, mount, context);
  }
  if (settings.optimize_readahead) tuneReadAhead(request, context.log);
  context.log.info(`Successfully mounted ${target.dnsName} at ${mountPoint}`);
  context.step(`${target.dnsName}:${remotePath} is mounted at ${mountPoint}`);
  return "mounted";
}

/** What the promise comes to, or the signal's reason as soon as it is aborted: a name service may hang. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Promise.all that leaves no rejection of the others unhandled. */
function all<const T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  for (const promise of promises) if (promise instanceof Promise) promise.catch(() => {});
  return Promise.all(promises);
}

function nfsMount(
  request: MountRequest,
  server: NfsServer,
  target: ResolvedTarget,
  settings: Settings,
  { paths }: MountContext,
): NfsMount {
  const { security, remotePath, mountPoint } = request;
  return {
    command: mountCommand(request, server, paths.mountNfs),
    policy: retryPolicy(settings),
    hasAccessPoint: security.kind === "tls" && security.accessPoint !== undefined,
    what: `${target.dnsName}:${remotePath} at ${mountPoint}`,
    identity: undefined,
    seen: () => undefined,
  };
}

async function mountThroughTunnel(
  request: TunnelRequest,
  mount: (server: NfsServer) => NfsMount,
  context: MountContext,
): Promise<void> {
  const { tls, mountPoint, target } = request;
  const watchdog = ensureWatchdog(context);
  const tunnel = await openTunnel(request, context);
  context.step(`a tunnel listens on 127.0.0.1:${tunnel.port}, stunnel ${tunnel.running.stunnel.pid}`);
  const guard = new TunnelGuard(tunnel, target);
  const mountsOfPort = () => readMounts().filter((entry) => tunnelPort(entry) === tunnel.port).length;
  // those of other network namespaces may have the same port
  const others = mountsOfPort();
  const isMounted = () => mountsOfPort() > others;
  try {
    const signal = AbortSignal.any([context.signal, guard.signal]);
    if (tls.verify > 0) {
      await guard.serverIsProven(signal);
      context.step(guard.describe());
    }
    const server: NfsServer = { kind: "tunnel", port: tunnel.port };
    await mountNfs(
      { ...mount(server), identity: tunnel.identity, seen: () => guard.describe() },
      context,
      signal,
    );
    const refused = guard.refusal();
    if (refused !== undefined && !isMounted()) throw refused;
    tunnel.commit();
  } catch (error) {
    if (isMounted()) await unmount(mountPoint);
    await tunnel.undo();
    throw error;
  } finally {
    guard.stop();
  }
  await watchdog;
}

const UNMOUNT_LIMIT_MS = 10_000;

/** Takes back a mount that was made while everything else was being given up. */
async function unmount(mountPoint: string): Promise<void> {
  await run("/bin/umount", ["-i", "-l", mountPoint], { timeoutMs: UNMOUNT_LIMIT_MS });
}

/** The checks of -f: everything up to the start of the tunnel, and nothing is left of them. */
async function checkTunnel(
  network: TunnelNetwork,
  tls: TlsRequest,
  target: ResolvedTarget,
  settings: Settings,
  context: MountContext,
): Promise<void> {
  tunnelSettings(tls, target, settings, context);
  const { paths, random } = context;
  const socket = await reservePort(tls.port, settings, paths.stateDirectory, random(), network);
  socket.close();
}

/**
 * Whether systemd says that the network is not up. A mount that fails then, and is not marked _netdev,
 * would stop the boot at local-fs.target.
 */
async function isNetworkMissing({ waitsForNetwork }: MountRequest): Promise<boolean> {
  if (waitsForNetwork || !isSystemdRunning()) return false;
  return (await isUnitActive("network.target").catch(() => undefined)) === false;
}
