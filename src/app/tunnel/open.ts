import type { KeyObject } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { posix } from "node:path";
import { utcTimeText } from "../../core/certificate/certificate.ts";
import type { Settings } from "../../core/config/keys.ts";
import { EfsError } from "../../core/errors.ts";
import { type ClientIdentity, clientIdentity } from "../../core/identity/client.ts";
import { formatSource } from "../../core/identity/source.ts";
import type { Port, Region } from "../../core/ids.ts";
import { SYSTEM_CA_BUNDLES } from "../../core/location/partitions.ts";
import { type ResolvedTarget, usesSystemAuthorities } from "../../core/location/target.ts";
import { timeLeftMs } from "../../core/nfs/retry.ts";
import type { TlsRequest } from "../../core/request/request.ts";
import { formatState, type TunnelState } from "../../core/state/state.ts";
import { FILE_MODES, type TunnelPaths, tunnelBase, tunnelPaths } from "../../core/tunnel/names.ts";
import { stunnelConfig, type TunnelSettings } from "../../core/tunnel/stunnel-config.ts";
import type { SystemPaths } from "../../paths.ts";
import { makeDirectory, readIfThere, writeAtomically } from "../../system/files.ts";
import { ownNamespaces } from "../../system/namespaces.ts";
import { ownIdentity } from "../../system/procfs.ts";
import type { NullOutcome } from "../../system/rpc.ts";
import type { FoundCredentials } from "../aws/credentials.ts";
import { usesFips } from "../aws/fips.ts";
import type { MountContext } from "../context.ts";
import { authoritiesRemedy } from "../install/remedy.ts";
import { type AccessParts, openPort, reserveClosedPort } from "./access.ts";
import { commonName, makeCertificate } from "./certificate.ts";
import { sweepUnfinished } from "./leftovers.ts";
import { type TunnelNetwork, unboundNetwork } from "./network.ts";
import { claimedPorts, reservePort } from "./port.ts";
import { existingKey, privateKey } from "./private-key.ts";
import { outliveOwnUnit } from "./scope.ts";
import { type RunningTunnel, removeTunnelFiles, startTunnel, stopTunnel } from "./start.ts";
import { findStunnel, type Stunnel } from "./stunnel.ts";

/** A tunnel that is up, and whose mount is being made. */
export interface OpenTunnel {
  readonly port: Port;
  readonly paths: TunnelPaths;
  readonly running: RunningTunnel;
  /** Calls NFS's procedure NULL through it. */
  callNull(limitMs: number, signal: AbortSignal): Promise<NullOutcome>;
  readonly caFile: string;
  readonly stunnel: string;
  /** Whom the client says it is. */
  readonly identity: ClientIdentity;
  /** The mount is there: from now on the watchdog looks after the tunnel. */
  commit(): void;
  /** The mount failed: nothing of the tunnel is left. */
  undo(): Promise<void>;
}

/** What a tunnel needs besides its target, found out while the target is looked up. */
export interface TunnelParts {
  readonly stunnel: Stunnel;
  /** The machine's private key, where there is one already. */
  readonly key: KeyObject | undefined;
}

/** What a tunnel is opened for. */
export interface TunnelRequest {
  readonly tls: TlsRequest;
  readonly mountPoint: string;
  readonly network: TunnelNetwork;
  readonly target: ResolvedTarget;
  readonly settings: Settings;
  readonly parts: TunnelParts;
  /** Undefined for an anonymous client. */
  readonly found: FoundCredentials | undefined;
}

export async function tunnelParts({ paths }: MountContext): Promise<TunnelParts> {
  const stunnel = await findStunnel(paths.stunnelMemory);
  return { stunnel, key: existingKey(paths.privateKey) };
}

/** How a command that runs in another network namespace begins. */
function enteringNamespace(networkNamespace: string | undefined): string[] {
  return networkNamespace === undefined ? [] : ["nsenter", `--net=${networkNamespace}`];
}

/** What closes a tunnel's port to other users, as the settings say. */
export function accessParts(
  network: TunnelNetwork,
  { tunnel_access: mode }: Settings,
  { paths, log }: MountContext,
): AccessParts {
  const hasOthers = () => claimedPorts(paths.stateDirectory).size > 1;
  return { mode, network, cache: paths.firewallCache, hasOthers, log };
}

/** Everything about the tunnel that can be checked without starting it. */
export function tunnelSettings(
  tls: TlsRequest,
  target: ResolvedTarget,
  settings: Settings,
  context: MountContext,
): Omit<TunnelSettings, "port" | "debugLog"> {
  const caFile = authoritiesFile(tls, target.region, settings, context.paths);
  if (tls.verify > 0) requireCertificates(caFile);
  return {
    target,
    verify: tls.verify,
    checkHostName: settings.stunnel_check_cert_hostname,
    checkRevocation: tls.verify > 0 && (tls.ocsp ?? settings.stunnel_check_cert_validity),
    caFile,
    privateKey: context.paths.privateKey,
    fips: usesFips(settings, context.environment),
  };
}

/** Stunnel would say that something in its configuration is wrong, and not what. */
function requireCertificates(caFile: string): void {
  const wrong = (why: string) =>
    new EfsError("config", `the file of authorities ${caFile} ${why}`, {
      hint: authoritiesRemedy(),
    });
  const text = readIfThere(caFile);
  if (text === undefined) throw wrong("is not there");
  // RFC 7468, and OpenSSL's own label
  if (!/^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/m.test(text)) throw wrong("holds no certificate");
}

async function clientCertificate(
  { tls, target, settings, parts, found }: TunnelRequest,
  createdAt: Date,
  { paths, hostName, version }: MountContext,
): Promise<string> {
  const subject = {
    hostName,
    fsId: target.fsId,
    accessPoint: tls.accessPoint,
    identity: found && { credentials: found.credentials, region: target.region },
    source: settings.source,
    version,
  };
  return makeCertificate(subject, parts.key ?? (await privateKey(paths.privateKey)), createdAt);
}

/** The state of a tunnel that does not run yet. */
function firstState(
  { tls, mountPoint, network, target, parts, found }: TunnelRequest,
  paths: TunnelPaths,
  createdAt: Date,
  context: MountContext,
): TunnelState {
  const { namespace } = network;
  const namespaces = ownNamespaces();
  return {
    pid: -1,
    cmd: [...enteringNamespace(namespace), parts.stunnel.path, paths.stunnelConfig],
    files: [paths.stunnelConfig],
    mount_time: createdAt.getTime() / 1000,
    mountpoint: mountPoint,
    service_type: "elasticfilesystem",
    mountStateDir: paths.directoryName,
    commonName: commonName(context.hostName),
    region: target.region,
    certificateCreationTime: utcTimeText(createdAt),
    certificate: paths.certificate,
    privateKey: context.paths.privateKey,
    fsId: target.fsId,
    ...(tls.accessPoint === undefined ? {} : { accessPoint: tls.accessPoint }),
    ...(found === undefined ? {} : { awsCredentialsMethod: formatSource(found.source) }),
    ...(namespace === undefined ? {} : { networkNamespace: namespace }),
    ...(namespaces === undefined ? {} : { namespaces }),
    helper: ownIdentity(),
  };
}

/** The file of the authorities that a tunnel trusts. */
export function authoritiesFile(
  { caFile }: Pick<TlsRequest, "caFile">,
  region: Region,
  settings: Settings,
  { caBundle }: Pick<SystemPaths, "caBundle">,
): string {
  const system = usesSystemAuthorities(region)
    ? SYSTEM_CA_BUNDLES.find((path) => existsSync(path))
    : undefined;
  return caFile ?? settings.stunnel_cafile ?? system ?? caBundle;
}

/**
 * Reserves a port, writes the tunnel's files, starts it and proves that it listens. On any failure nothing
 * of it is left.
 *
 * @throws EfsError
 */
export async function openTunnel(request: TunnelRequest, context: MountContext): Promise<OpenTunnel> {
  const { tls, mountPoint, network, target, settings, parts } = request;
  const { stateDirectory } = context.paths;
  const { stunnel } = parts;
  const planned = tunnelSettings(tls, target, settings, context);
  makeDirectory(stateDirectory, settings.state_file_dir_mode);
  const createdAt = context.now();
  // signed on another thread, while this one goes on
  const certificate = clientCertificate(request, createdAt, context);
  certificate.catch(() => {});
  const access = accessParts(network, settings, context);
  await sweepUnfinished(stateDirectory, context.log, (port, namespace) =>
    openPort(port, { ...access, network: unboundNetwork(namespace) }),
  );
  const pathsOf = (port: Port) => tunnelPaths(stateDirectory, tunnelBase(target.fsId, mountPoint, port));
  const claim = (port: Port) => {
    const claimed = pathsOf(port);
    // first of all, so that whatever else a killed helper leaves is known to be its own
    const text = formatState(firstState(request, claimed, createdAt, context));
    writeAtomically(claimed.unfinishedStateFile, text, FILE_MODES.state);
    return () => removeTunnelFiles(claimed);
  };
  const socket = await reserveClosedPort(
    () => reservePort(tls.port, settings, stateDirectory, context.random(), network),
    claim,
    access,
  );
  const paths = pathsOf(socket.port);
  const debugLog = settings.stunnel_debug_enabled
    ? (settings.stunnel_logs_file?.replaceAll("{fs_id}", target.fsId) ??
      `${context.paths.logDirectory}/${posix.basename(paths.stateFile)}.stunnel.log`)
    : undefined;
  let state = firstState(request, paths, createdAt, context);
  const write = (change: Partial<TunnelState>) => {
    state = { ...state, ...change };
    writeAtomically(paths.unfinishedStateFile, formatState(state), FILE_MODES.state);
  };
  let running: RunningTunnel | undefined;
  const undo = async () => {
    socket.close();
    await stopTunnel({ keeper: running?.keeper, stunnelConfig: paths.stunnelConfig });
    // before its files go: what is left of a helper that is killed here is still known to be its own
    await openPort(socket.port, access);
    removeTunnelFiles(paths);
  };
  try {
    makeDirectory(paths.directory, FILE_MODES.directory);
    const tunnel = { ...planned, port: socket.port, debugLog };
    writeAtomically(
      paths.stunnelConfig,
      stunnelConfig(tunnel, paths, stunnel.capabilities),
      FILE_MODES.private,
    );
    writeAtomically(paths.certificate, await certificate, FILE_MODES.private);
    const inherits = stunnel.capabilities.inheritsSockets;
    if (!inherits) socket.close();
    const start = {
      keeperProgram: context.paths.keeper,
      stunnel: stunnel.path,
      paths,
      port: socket.port,
      socket: inherits ? socket : undefined,
      networkNamespace: network.namespace,
    };
    const limitMs = () => timeLeftMs(settings, context.elapsedMs());
    const { log, signal } = context;
    const started = await outliveOwnUnit(
      (inScope) => startTunnel({ ...start, inScope, limitMs: limitMs() }, signal),
      log,
      signal,
    );
    running = started;
    socket.close();
    write({
      pid: started.stunnel.pid,
      pidStartTime: started.stunnel.startTime,
      keeper: started.keeper,
      inheritsSocket: inherits,
    });
    return {
      port: socket.port,
      paths,
      running: started,
      callNull: (limitMs, signal) => network.callNull(socket.port, limitMs, signal),
      caFile: planned.caFile,
      stunnel: stunnel.path,
      identity: clientIdentity(request.found?.source, tls.accessPoint),
      commit: () => {
        const { helper: _, ...finished } = state;
        writeAtomically(paths.unfinishedStateFile, formatState(finished), FILE_MODES.state);
        renameSync(paths.unfinishedStateFile, paths.stateFile);
      },
      undo,
    };
  } catch (error) {
    await undo();
    throw error;
  }
}
