import { statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import type { Settings } from "../core/config/keys.ts";
import { asEfsError, EfsError, oneLine } from "../core/errors.ts";
import { mountCommand, type NfsServer, nfsOptions, readAheadKib, readSize } from "../core/nfs/command.ts";
import { type MountEntry, mountedAt, tunnelPort } from "../core/nfs/mount-table.ts";
import { retryPolicy } from "../core/nfs/retry.ts";
import type { MountRequest } from "../core/request/request.ts";
import { dnsSuffix, type ResolvedTarget } from "../core/target/target.ts";
import { WATCHDOG_UNIT } from "../paths.ts";
import { reason } from "../system/files.ts";
import { readMounts } from "../system/mounts.ts";
import { run } from "../system/process.ts";
import { isSystemdRunning, isUnitActive, startUnit } from "../system/systemd.ts";
import { runningWatchdog } from "../system/watchdog-lock.ts";
import type { MountContext } from "./context.ts";
import { type CredentialContext, type FoundCredentials, findCredentials } from "./credentials.ts";
import { mountNfs } from "./nfs.ts";
import { reservePort } from "./port.ts";
import { resolveTarget, type TargetContext } from "./target.ts";
import { openTunnel, type TunnelParts, tunnelParts, tunnelSettings } from "./tls.ts";
import { TunnelGuard } from "./tunnel-guard.ts";

/** What came of it, where nothing failed. */
export type MountResult =
  | { readonly kind: "mounted"; readonly target: ResolvedTarget }
  /** Checked only, as asked for with -f. */
  | { readonly kind: "checked"; readonly target: ResolvedTarget }
  /** The network is not up yet, and the boot must not fail for it. */
  | { readonly kind: "too-early" };

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
  const { security } = request;
  const isTls = security.kind === "tls";
  // what does not depend on each other is found out at the same time
  const [tooEarly, target, parts] = await all([
    isNetworkMissing(request),
    resolveTarget(request, targetContext),
    isTls ? tunnelParts(context) : undefined,
  ]);
  context.signal.throwIfAborted();
  if (tooEarly) return { kind: "too-early" };
  const settings = targetContext.settingsFor(target.region);
  const found =
    isTls && security.iam
      ? await findCredentials(security.iam, credentialContext(target, settings, targetContext))
      : undefined;
  context.signal.throwIfAborted();
  if (request.fake) {
    if (isTls) await checkTunnel(request, target, settings, context);
    context.log.info(`Checked ${target.dnsName} for ${request.mountPoint}; nothing is mounted`);
    return { kind: "checked", target };
  }
  if (security.kind === "plain") {
    await mountNfs(
      nfsMount(request, { kind: "direct", target }, target, settings, context),
      context,
      context.signal,
    );
  } else if (request.remount) {
    const server: NfsServer = { kind: "tunnel", port: tunnelInPlace(request.mountPoint) };
    await mountNfs(nfsMount(request, server, target, settings, context), context, context.signal);
  } else if (parts !== undefined) {
    await mountThroughTunnel({ ...request, security }, target, settings, { parts, found }, context);
  }
  tuneReadAhead(request, settings, context);
  context.log.info(`Successfully mounted ${target.dnsName} at ${request.mountPoint}`);
  return { kind: "mounted", target };
}

function credentialContext(
  target: ResolvedTarget,
  settings: Settings,
  { environment, metadata }: TargetContext,
): CredentialContext {
  return { environment, metadata, region: target.region, suffix: dnsSuffix(settings, target.region) };
}

/** Promise.all that leaves no rejection of the others unhandled. */
function all<T extends readonly unknown[]>(
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
  context: MountContext,
) {
  return {
    command: mountCommand(request, server, context.paths.mountNfs),
    policy: retryPolicy(settings),
    hasAccessPoint: request.security.kind === "tls" && request.security.accessPoint !== undefined,
    server: `${target.dnsName}:${request.remotePath} at ${request.mountPoint}`,
  };
}

type TlsMountRequest = MountRequest & { security: Extract<MountRequest["security"], { kind: "tls" }> };

async function mountThroughTunnel(
  request: TlsMountRequest,
  target: ResolvedTarget,
  settings: Settings,
  { parts, found }: { parts: TunnelParts; found: FoundCredentials | undefined },
  context: MountContext,
): Promise<void> {
  const { security, mountPoint, networkNamespace } = request;
  const watchdog = ensureWatchdog(context);
  const tunnel = await openTunnel(
    security,
    mountPoint,
    networkNamespace,
    target,
    settings,
    parts,
    found,
    context,
  );
  const guard = new TunnelGuard(tunnel, target);
  const isMounted = () => readMounts().some((entry) => tunnelPort(entry) === tunnel.port);
  try {
    const server: NfsServer = { kind: "tunnel", port: tunnel.port };
    const signal = AbortSignal.any([context.signal, guard.signal]);
    if (security.verify > 0) await guard.serverIsProven(signal);
    await mountNfs(nfsMount(request, server, target, settings, context), context, signal);
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
  request: MountRequest,
  target: ResolvedTarget,
  settings: Settings,
  context: MountContext,
): Promise<void> {
  if (request.security.kind !== "tls") return;
  tunnelSettings(request.security, target, settings, context);
  const socket = await reservePort(
    request.security.port,
    settings,
    context.paths.stateDirectory,
    context.random(),
  );
  socket.close();
}

/** The port of the tunnel that a mount uses already. */
function tunnelInPlace(mountPoint: string) {
  const entry = mountedAt(readMounts(), mountPoint);
  const port = entry === undefined ? undefined : tunnelPort(entry);
  if (port !== undefined) return port as import("../core/ids.ts").Port;
  throw new EfsError(
    "mount",
    `${mountPoint} is not mounted through a tunnel, so that it cannot be remounted`,
    {
      hint: "mount it without the option remount",
    },
  );
}

/**
 * Whether systemd says that the network is not up. A mount that fails then, and is not marked _netdev,
 * would stop the boot at local-fs.target.
 */
async function isNetworkMissing({ waitsForNetwork }: MountRequest): Promise<boolean> {
  if (waitsForNetwork || !isSystemdRunning()) return false;
  return (await isUnitActive("network.target").catch(() => undefined)) === false;
}

/** Sees to it that a watchdog runs; a mount does not fail for want of one. */
async function ensureWatchdog({ paths, log }: MountContext): Promise<void> {
  try {
    if (runningWatchdog(paths.stateDirectory) !== undefined) return;
    if (!isSystemdRunning()) {
      log.warning(`No watchdog runs and there is no systemd to start it: run ${WATCHDOG_UNIT} yourself`);
      return;
    }
    if ((await isUnitActive(WATCHDOG_UNIT)) === true) return;
    const complaint = await startUnit(WATCHDOG_UNIT);
    if (complaint !== undefined) log.warning(`The watchdog does not start: ${complaint}`);
  } catch (error) {
    log.warning(`The watchdog does not start: ${oneLine(asEfsError(error))}`);
  }
}

/** The kernel derives read-ahead from rsize so badly for NFS since 5.4 that EFS reads slowly. */
function tuneReadAhead(request: MountRequest, settings: Settings, { log }: MountContext): void {
  if (!settings.optimize_readahead || !isKernelAtLeast(5, 4)) return;
  const rsize = readSize(nfsOptions(request.nfsOptions, { kind: "tunnel", port: 1 as never }));
  if (rsize === undefined) return;
  try {
    const entry = mountedAt(readMounts(), request.mountPoint);
    const device = entry?.type.startsWith("nfs") ? entry.device : deviceOf(request.mountPoint);
    writeFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, String(readAheadKib(rsize)));
  } catch (error) {
    log.warning(`The read-ahead of ${request.mountPoint} stays as it is: ${reason(error)}`);
  }
}

function deviceOf(path: string): MountEntry["device"] {
  const { dev } = statSync(path);
  const major = Math.floor(dev / 256) & 0xfff;
  const minor = (dev & 0xff) | (Math.floor(dev / 0x1000) & 0xfff00);
  return `${major}:${minor}`;
}

function isKernelAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
