import { posix } from "node:path";
import { utcTimeText } from "../certificate/certificate.ts";
import type { Settings } from "../config/keys.ts";
import { type CredentialSource, formatSource } from "../identity/source.ts";
import type { Port } from "../ids.ts";
import type { ResolvedTarget } from "../location/target.ts";
import type { TlsRequest } from "../request/request.ts";
import type { Namespaces, ProcessIdentity, TunnelState } from "../state/state.ts";
import type { StunnelCapabilities } from "./capabilities.ts";
import { type TunnelPaths, tunnelBase, tunnelPaths } from "./names.ts";
import { stunnelConfig } from "./stunnel-config.ts";

/** What a tunnel is for: what was asked for, and what was found. */
export interface TunnelPurpose {
  readonly mountPoint: string;
  readonly tls: Pick<TlsRequest, "verify" | "ocsp" | "accessPoint">;
  readonly target: ResolvedTarget;
  readonly settings: Settings;
  readonly stunnel: { readonly path: string; readonly capabilities: StunnelCapabilities };
  /** The file of the authorities that it trusts. */
  readonly caFile: string;
  readonly fips: boolean;
  /** Where the client's credentials are from; undefined for an anonymous client. */
  readonly source: CredentialSource | undefined;
  /** The path of its network namespace, where that is another one. */
  readonly networkNamespace: string | undefined;
  readonly createdAt: Date;
}

/** Where a tunnel is made, and by whom. */
export interface TunnelPlace {
  readonly stateDirectory: string;
  readonly logDirectory: string;
  readonly privateKey: string;
  /** The host's name in the client's certificate. */
  readonly commonName: string;
  readonly helper: ProcessIdentity;
  readonly namespaces: Namespaces | undefined;
}

/** What is done to open a tunnel on a port, before anything of it is. */
export interface TunnelPlan {
  readonly port: Port;
  readonly paths: TunnelPaths;
  /** The file of the authorities that it trusts. */
  readonly caFile: string;
  /** The text of stunnel's configuration. */
  readonly config: string;
  /** The state of a tunnel that does not run yet. */
  readonly state: TunnelState;
}

/**
 * Plans a tunnel.
 *
 * @throws EfsError (system) where the installed stunnel lacks what is asked for
 */
export function planTunnel(purpose: TunnelPurpose, place: TunnelPlace, port: Port): TunnelPlan {
  const { target, mountPoint } = purpose;
  const paths = tunnelPaths(place.stateDirectory, tunnelBase(target.fsId, mountPoint, port));
  return {
    port,
    paths,
    caFile: purpose.caFile,
    config: config(purpose, place, port, paths),
    state: state(purpose, place, paths),
  };
}

function config(
  { tls, target, settings, stunnel, caFile, fips }: TunnelPurpose,
  { logDirectory, privateKey }: TunnelPlace,
  port: Port,
  paths: TunnelPaths,
): string {
  const debugLog =
    settings.stunnel_logs_file?.replaceAll("{fs_id}", target.fsId) ??
    `${logDirectory}/${posix.basename(paths.stateFile)}.stunnel.log`;
  const tunnel = {
    port,
    target,
    verify: tls.verify,
    checkHostName: settings.stunnel_check_cert_hostname,
    checkRevocation: tls.verify > 0 && (tls.ocsp ?? settings.stunnel_check_cert_validity),
    caFile,
    privateKey,
    fips,
    debugLog: settings.stunnel_debug_enabled ? debugLog : undefined,
  };
  return stunnelConfig(tunnel, paths, stunnel.capabilities);
}

function state(
  { tls, mountPoint, target, stunnel, source, networkNamespace, createdAt }: TunnelPurpose,
  { privateKey, commonName, helper, namespaces }: TunnelPlace,
  paths: TunnelPaths,
): TunnelState {
  const entering = networkNamespace === undefined ? [] : ["nsenter", `--net=${networkNamespace}`];
  return {
    pid: -1,
    cmd: [...entering, stunnel.path, paths.stunnelConfig],
    files: [paths.stunnelConfig],
    mount_time: createdAt.getTime() / 1000,
    mountpoint: mountPoint,
    service_type: "elasticfilesystem",
    mountStateDir: paths.directoryName,
    commonName,
    region: target.region,
    certificateCreationTime: utcTimeText(createdAt),
    certificate: paths.certificate,
    privateKey,
    fsId: target.fsId,
    ...(tls.accessPoint === undefined ? {} : { accessPoint: tls.accessPoint }),
    ...(source === undefined ? {} : { awsCredentialsMethod: formatSource(source) }),
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
    ...(namespaces === undefined ? {} : { namespaces }),
    helper,
  };
}
