import type { Settings } from "../../core/config/keys.ts";
import { requireTls } from "../../core/encryption/rules.ts";
import type { EfsError } from "../../core/errors.ts";
import { WITHOUT_TLS } from "../../core/identity/client.ts";
import { describeSource } from "../../core/identity/source.ts";
import { describeServer, type ResolvedTarget } from "../../core/location/target.ts";
import { mountCommand, type NfsServer } from "../../core/nfs/command.ts";
import { retryPolicy, timeLeftMs } from "../../core/nfs/retry.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { readMountsIn } from "../../system/mounts.ts";
import { isNetworkNamespace } from "../../system/namespace-kind.ts";
import { isSystemdRunning, isUnitActive } from "../../system/systemd.ts";
import { apiCaller } from "../aws/caller.ts";
import { findCredentials } from "../aws/credentials.ts";
import type { MountContext, WatchedContext } from "../context.ts";
import { type TunnelNetwork, tunnelNetwork } from "../tunnel/network.ts";
import { checkTunnel, tunnelParts } from "../tunnel/open.ts";
import { requireEncryptionAtRest } from "./encryption-policy.ts";
import { isMountedAlready, tunnelInPlace } from "./existing.ts";
import { askForTurn, type Turn } from "./mount-point-lock.ts";
import { mountNfs, type NfsMount } from "./nfs.ts";
import { tuneReadAhead } from "./read-ahead.ts";
import { resolveTarget, type TargetContext } from "./resolve-target.ts";
import { ServerLook } from "./server-probe.ts";
import { mountThroughTunnel } from "./through-tunnel.ts";

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
  asked: MountRequest,
  context: MountContext,
  targetContext: TargetContext,
): Promise<MountResult> {
  const request = inOneNamespace(asked);
  // what it takes to be in another one is made ready while the target is looked up
  const network = tunnelNetwork(request.networkNamespace, context.paths.socketMaker);
  const turn = askForTurn(request, () => timeLeftMs(targetContext.settings, context.elapsedMs()), context);
  let seen = () => turn.waitsFor() ?? "region and name were being looked up";
  const sees = (describe: () => string) => {
    seen = describe;
  };
  try {
    return await mountIn(network, turn, request, { ...context, sees }, targetContext);
  } catch (error) {
    throw error === context.signal.reason ? givenUp(error as EfsError, request, seen()) : error;
  } finally {
    turn.end();
    network.leave();
  }
}

/** -N names a mount namespace, as mount(8) says; where it names one of the network, it is as good as netns. */
function inOneNamespace(request: MountRequest): MountRequest {
  const { mountNamespace, networkNamespace } = request;
  if (mountNamespace === undefined || !isNetworkNamespace(mountNamespace)) return request;
  return { ...request, mountNamespace: undefined, networkNamespace: networkNamespace ?? mountNamespace };
}

/** Why a mount was given up, with what it was and what was seen until then. */
function givenUp(error: EfsError, request: MountRequest, seen: string): EfsError {
  const { device, remotePath, mountPoint } = request;
  const what = `${device.kind === "id" ? device.fsId : device.host}:${remotePath}`;
  return error.reworded(`${error.message}: ${what} is not mounted at ${mountPoint} (${seen})`);
}

async function mountIn(
  network: TunnelNetwork,
  turn: Turn,
  request: MountRequest,
  context: WatchedContext,
  targetContext: TargetContext,
): Promise<MountResult> {
  const { security, mountPoint, remotePath } = request;
  const tls = security.kind === "tls" ? security : undefined;
  // what does not depend on each other is found out at the same time
  const lookUp = all([
    resolveTarget(request, targetContext, { network, signal: context.signal }),
    tls && tunnelParts(context),
  ]);
  lookUp.catch(() => {});
  // without a network neither may be found, and the boot must not fail for that
  if (await unlessAborted(isNetworkMissing(request), context.signal)) return "too-early";
  const [target, parts] = await unlessAborted(lookUp, context.signal);
  context.located(target);
  await unlessAborted(turn.come, context.signal);
  context.sees(() => `its server is ${describeServer(target)}`);
  const settings = targetContext.settingsFor(target.region);
  requireTls(request, target, settings);
  if (settings.require_encryption_at_rest) {
    const caller = apiCaller(request, target.region, settings, targetContext);
    await unlessAborted(requireEncryptionAtRest(target, caller, context), context.signal);
  }
  const mounts = await readMountsIn(request.mountNamespace);
  const isThere = isMountedAlready(request, target, mounts, context.paths.stateDirectory);
  if (isThere && !request.remount) {
    context.log.info(`${target.dnsName}:${remotePath} is mounted at ${mountPoint} already`);
    return "already-mounted";
  }
  const credentials = { ...targetContext, region: target.region };
  const found = tls?.iam && (await unlessAborted(findCredentials(tls.iam, credentials), context.signal));
  if (found !== undefined) context.step(`credentials of ${describeSource(found.source)} are used`);
  if (request.fake) {
    if (tls && parts)
      await checkTunnel({ tls, mountPoint, network, target, settings, parts, found }, context);
    context.log.info(`Checked ${target.dnsName} for ${mountPoint}; nothing is mounted`);
    return "checked";
  }
  const mount = (server: NfsServer) => nfsMount(request, server, target, settings, context);
  if (tls === undefined || parts === undefined) {
    await mountDirectly(mount({ kind: "direct", target }), target, network, context);
  } else if (request.remount) {
    await mountNfs(
      mount({ kind: "tunnel", port: tunnelInPlace(mountPoint, mounts) }),
      context,
      context.signal,
    );
  } else {
    const tunnel = { tls, mountPoint, network, target, settings, parts, found };
    await mountThroughTunnel(tunnel, request, mount, context);
  }
  if (settings.optimize_readahead) await tuneReadAhead(request, context.log);
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
    identity: WITHOUT_TLS,
    seen: () => undefined,
  };
}

async function mountDirectly(
  mount: NfsMount,
  target: ResolvedTarget,
  network: TunnelNetwork,
  context: WatchedContext,
): Promise<void> {
  const look = new ServerLook(target, network);
  context.sees(() => look.describe());
  try {
    await mountNfs({ ...mount, seen: () => look.describe() }, context, context.signal);
  } finally {
    look.stop();
  }
}

/**
 * Whether systemd says that the network is not up. A mount that fails then, and is not marked _netdev,
 * would stop the boot at local-fs.target.
 */
async function isNetworkMissing({ waitsForNetwork }: MountRequest): Promise<boolean> {
  if (waitsForNetwork || !isSystemdRunning()) return false;
  return (await isUnitActive("network.target").catch(() => undefined)) === false;
}
