import type { KeyObject } from "node:crypto";
import { renameSync } from "node:fs";
import type { Settings } from "../../core/config/keys.ts";
import { type ClientIdentity, clientIdentity } from "../../core/identity/client.ts";
import type { Port } from "../../core/ids.ts";
import type { ResolvedTarget } from "../../core/location/target.ts";
import { timeLeftMs } from "../../core/nfs/retry.ts";
import type { TlsRequest } from "../../core/request/request.ts";
import { formatState, type TunnelState } from "../../core/state/state.ts";
import { FILE_MODES, type TunnelPaths } from "../../core/tunnel/names.ts";
import { planTunnel, type TunnelPlan, type TunnelPurpose } from "../../core/tunnel/plan.ts";
import { reason } from "../../system/errno.ts";
import { makeDirectory, writeAtomically } from "../../system/files.ts";
import { ownNamespaces } from "../../system/namespaces.ts";
import type { BoundPort } from "../../system/network.ts";
import { ownIdentity } from "../../system/procfs.ts";
import type { NullOutcome } from "../../system/rpc.ts";
import type { FoundCredentials } from "../aws/credentials.ts";
import { usesFips } from "../aws/fips.ts";
import type { MountContext } from "../context.ts";
import { type AccessParts, openPort, reserveClosedPort } from "./access.ts";
import { authoritiesFile, requireAuthorities } from "./authorities.ts";
import { commonName, makeCertificate } from "./certificate.ts";
import { sweepUnfinished } from "./leftovers.ts";
import { type TunnelNetwork, unboundNetwork } from "./network.ts";
import { claimedPorts, reservePort } from "./port.ts";
import { existingKey, privateKey } from "./private-key.ts";
import { outliveOwnUnit } from "./scope.ts";
import { type RunningTunnel, removeTunnelFiles, startTunnel, stopTunnel } from "./start.ts";
import { findStunnel, type Stunnel } from "./stunnel.ts";

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

/**
 * Opens a tunnel: it has a port, which only root can use, its files, and a stunnel that listens. It ends, and nothing
 * of it is left, when it is disposed of without a commit; where it cannot be opened nothing is left either.
 *
 * @throws EfsError
 */
export async function openTunnel(request: TunnelRequest, context: MountContext): Promise<OpenTunnel> {
  const { settings, parts } = request;
  const { stateDirectory, privateKey: keyFile } = context.paths;
  const plan = planner(request, context);
  makeDirectory(stateDirectory, settings.state_file_dir_mode);
  // signed on another thread, while this one goes on
  const certificate = Promise.resolve(parts.key ?? privateKey(keyFile)).then((key) =>
    makeCertificate(subjectOf(request, context), key, plan.createdAt),
  );
  certificate.catch(() => {});
  const access = accessParts(request, context);
  await sweepUnfinished(stateDirectory, context.log, (port, namespace) =>
    openPort(port, { ...access, network: unboundNetwork(namespace) }),
  );
  const socket = await reserve(request, access, context, (port) => {
    // first of all, so that whatever else a killed helper leaves is known to be its own
    const { paths, state } = plan.of(port);
    writeAtomically(paths.unfinishedStateFile, formatState(state), FILE_MODES.state);
    return () => removeTunnelFiles(paths);
  });
  const tunnel = new OpenTunnel(request, plan.of(socket.port), socket, access, context);
  try {
    await tunnel.start(certificate);
    return tunnel;
  } catch (error) {
    await tunnel[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Does what can be done of openTunnel without starting anything; nothing is left of it.
 *
 * @throws EfsError
 */
export async function checkTunnel(request: TunnelRequest, context: MountContext): Promise<void> {
  const plan = planner(request, context);
  const access = accessParts(request, context);
  const socket = await reserve(request, access, context, (port) => {
    plan.of(port);
    return () => {};
  });
  socket.close();
  await openPort(socket.port, access);
}

/** Plans tunnels for a request, on one port or another. */
function planner(request: TunnelRequest, context: MountContext) {
  const { tls, mountPoint, target, settings, parts, found, network } = request;
  const { paths, environment } = context;
  const caFile = authoritiesFile(tls, target.region, settings, paths);
  if (tls.verify > 0) requireAuthorities(caFile);
  const createdAt = context.now();
  const purpose: TunnelPurpose = {
    mountPoint,
    tls,
    target,
    settings,
    stunnel: parts.stunnel,
    caFile,
    fips: usesFips(settings, environment),
    source: found?.source,
    networkNamespace: network.namespace,
    createdAt,
  };
  const place = {
    stateDirectory: paths.stateDirectory,
    logDirectory: paths.logDirectory,
    privateKey: paths.privateKey,
    commonName: commonName(context.hostName),
    helper: ownIdentity(),
    namespaces: ownNamespaces(),
  };
  return { createdAt, of: (port: Port) => planTunnel(purpose, place, port) };
}

function subjectOf(
  { tls, target, settings, found }: TunnelRequest,
  { hostName, version }: MountContext,
): Parameters<typeof makeCertificate>[0] {
  return {
    hostName,
    fsId: target.fsId,
    accessPoint: tls.accessPoint,
    identity: found && { credentials: found.credentials, region: target.region },
    source: settings.source,
    version,
  };
}

/** What closes the tunnel's port to other users, as the settings say. */
function accessParts({ network, settings }: TunnelRequest, { paths, log }: MountContext): AccessParts {
  return {
    mode: settings.tunnel_access,
    network,
    cache: paths.firewallCache,
    hasOthers: () => claimedPorts(paths.stateDirectory).size > 1,
    log,
  };
}

function reserve(
  { tls, settings, network }: TunnelRequest,
  access: AccessParts,
  { paths, random }: MountContext,
  claim: (port: Port) => () => void,
): Promise<BoundPort> {
  return reserveClosedPort(
    () => reservePort(tls.port, settings, paths.stateDirectory, random(), network),
    claim,
    access,
  );
}

/** A tunnel whose mount is being made. */
export class OpenTunnel implements AsyncDisposable {
  readonly port: Port;
  readonly paths: TunnelPaths;
  readonly stunnel: string;
  readonly caFile: string;
  /** Whom the client says it is. */
  readonly identity: ClientIdentity;
  readonly #request: TunnelRequest;
  readonly #config: string;
  readonly #socket: BoundPort;
  readonly #access: AccessParts;
  readonly #context: MountContext;
  #state: TunnelState;
  #running: RunningTunnel | undefined;
  #isCommitted = false;

  constructor(
    request: TunnelRequest,
    plan: TunnelPlan,
    socket: BoundPort,
    access: AccessParts,
    context: MountContext,
  ) {
    const { tls, parts, found } = request;
    this.port = plan.port;
    this.paths = plan.paths;
    this.stunnel = parts.stunnel.path;
    this.caFile = plan.caFile;
    this.identity = clientIdentity(found?.source, tls.accessPoint);
    this.#request = request;
    this.#config = plan.config;
    this.#state = plan.state;
    this.#socket = socket;
    this.#access = access;
    this.#context = context;
  }

  /** Its processes. */
  get running(): RunningTunnel {
    if (this.#running === undefined) throw new Error("the tunnel is not started");
    return this.#running;
  }

  /**
   * Writes its files, starts it, and waits until it listens.
   *
   * @throws EfsError
   */
  async start(certificate: Promise<string>): Promise<void> {
    const { paths } = this;
    const { network, settings, parts } = this.#request;
    const { log, signal, paths: places } = this.#context;
    makeDirectory(paths.directory, FILE_MODES.directory);
    writeAtomically(paths.stunnelConfig, this.#config, FILE_MODES.private);
    writeAtomically(paths.certificate, await certificate, FILE_MODES.private);
    const inherits = parts.stunnel.capabilities.inheritsSockets;
    if (!inherits) this.#socket.close();
    const start = {
      keeperProgram: places.keeper,
      stunnel: parts.stunnel.path,
      paths,
      port: this.port,
      socket: inherits ? this.#socket : undefined,
      networkNamespace: network.namespace,
    };
    const limitMs = () => timeLeftMs(settings, this.#context.elapsedMs());
    const running = await outliveOwnUnit(
      (inScope) => startTunnel({ ...start, inScope, limitMs: limitMs() }, signal),
      log,
      signal,
    );
    this.#running = running;
    this.#socket.close();
    this.#state = {
      ...this.#state,
      pid: running.stunnel.pid,
      pidStartTime: running.stunnel.startTime,
      keeper: running.keeper,
      inheritsSocket: inherits,
    };
    writeAtomically(paths.unfinishedStateFile, formatState(this.#state), FILE_MODES.state);
  }

  /** Calls NFS's procedure NULL through it. */
  callNull(limitMs: number, signal: AbortSignal): Promise<NullOutcome> {
    return this.#request.network.callNull(this.port, limitMs, signal);
  }

  /** The mount is there: from now on the watchdog looks after the tunnel. */
  commit(): void {
    const { helper: _, ...finished } = this.#state;
    writeAtomically(this.paths.unfinishedStateFile, formatState(finished), FILE_MODES.state);
    renameSync(this.paths.unfinishedStateFile, this.paths.stateFile);
    this.#isCommitted = true;
  }

  /** Nothing of it is left, unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isCommitted) return;
    this.#socket.close();
    try {
      await stopTunnel({ keeper: this.#running?.keeper, stunnelConfig: this.paths.stunnelConfig });
      // before its files go: what is left of a helper that is killed here is still known to be its own
      await openPort(this.port, this.#access);
      removeTunnelFiles(this.paths);
    } catch (error) {
      // why the mount failed is what has to be told; the next helper or the watchdog clears up
      this.#context.log.warning(`Not all of ${this.paths.stateFile} could be undone: ${reason(error)}`);
    }
  }
}
