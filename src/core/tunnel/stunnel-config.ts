import { isIPv6 } from "node:net";
import { EfsError } from "../errors.ts";
import type { Port } from "../ids.ts";
import type { ResolvedTarget } from "../location/target.ts";
import type { VerifyLevel } from "../request/request.ts";
import { hasControlCharacter, quoted } from "../text.ts";
import type { StunnelCapabilities } from "./capabilities.ts";
import type { TunnelPaths } from "./names.ts";

/** How one tunnel is to be. */
export interface TunnelSettings {
  readonly port: Port;
  readonly target: ResolvedTarget;
  readonly verify: VerifyLevel;
  readonly checkHostName: boolean;
  readonly checkRevocation: boolean;
  readonly caFile: string;
  readonly privateKey: string;
  readonly fips: boolean;
  /** Where stunnel's debug log goes; undefined where debugging is off. */
  readonly debugLog: string | undefined;
}

/** The port that EFS listens on. */
export const NFS_PORT = 2049;

/**
 * The text of stunnel's configuration file (stunnel(8)). What goes on is written to the tunnel's own log at
 * level notice: a line or two a connection, and the reason where one fails.
 *
 * @throws EfsError (system) where the installed stunnel lacks what is asked for, before anything is started.
 */
export function stunnelConfig(
  tunnel: TunnelSettings,
  paths: TunnelPaths,
  capabilities: StunnelCapabilities,
): string {
  const checkHost = tunnel.checkHostName && tunnel.verify > 0;
  requireOption(
    capabilities,
    "checkHost",
    checkHost,
    "host name checking",
    "stunnel_check_cert_hostname = false",
  );
  requireOption(
    capabilities,
    "OCSPaia",
    tunnel.checkRevocation,
    "OCSP",
    "stunnel_check_cert_validity = false",
    "noocsp",
  );
  const { address, dnsName, isAddressGiven } = tunnel.target;
  const debugging = tunnel.debugLog !== undefined;
  // standard error is the tunnel's log, and gets each line at once
  const quiet = capabilities.quietForeground && capabilities.promptOutput && !debugging;
  const global: Setting[] = [
    ["fips", tunnel.fips ? "yes" : "no"],
    ["foreground", quiet ? "quiet" : "yes"],
    ["socket", "l:SO_REUSEADDR=yes"],
    ["socket", "a:SO_BINDTODEVICE=lo"],
    ["pid", paths.pidFile],
    ["debug", debugging ? "debug" : "notice"],
    ["output", tunnel.debugLog ?? paths.log, debugging || quiet],
    ["syslog", "no", capabilities.options.has("syslog")],
  ];
  const service: Setting[] = [
    ["client", "yes"],
    ["accept", `127.0.0.1:${tunnel.port}`],
    ["connect", `${address ?? dnsName}:${NFS_PORT}`],
    // for an IPv4 address that the user gave, stunnel sends that, as existing deployments do
    ["sni", dnsName, address !== undefined && (isIPv6(address) || !isAddressGiven)],
    ["sslVersion", "TLSv1.2"],
    ["renegotiation", "no"],
    ["TIMEOUTbusy", "20"],
    ["TIMEOUTclose", "0"],
    ["TIMEOUTidle", "70"],
    ["delay", "yes"],
    ["verify", String(tunnel.verify)],
    ["CAfile", tunnel.caFile, tunnel.verify > 0],
    ["cert", paths.certificate],
    ["key", tunnel.privateKey],
    ["checkHost", tunnel.target.certificateName, checkHost],
    ["OCSPaia", "yes", tunnel.checkRevocation],
    // an answer is required, which older ones do without being told
    ["OCSPrequire", "yes", tunnel.checkRevocation && capabilities.options.has("OCSPrequire")],
    ["libwrap", "no", capabilities.options.has("libwrap")],
  ];
  return [...lines(global), "[efs]", ...lines(service), ""].join("\n");
}

type Setting = [name: string, value: string, wanted?: boolean];

function lines(settings: readonly Setting[]): string[] {
  return settings
    .filter(([, , wanted = true]) => wanted)
    .map(([name, value]) => {
      // stunnel's file has no quoting: what it would read differently must not get in
      if (hasControlCharacter(value) || value !== value.trim()) {
        throw new EfsError(
          "config",
          `${quoted(value)} cannot be written into stunnel's configuration as ${name}`,
          {
            hint: "use a value without control characters and without blanks at its ends",
          },
        );
      }
      return `${name} = ${value}`;
    });
}

function requireOption(
  { options, version = "of unknown version" }: StunnelCapabilities,
  option: string,
  wanted: boolean,
  purpose: string,
  relaxedBy: string,
  mountOption?: string,
): void {
  if (!wanted || options.has(option)) return;
  throw new EfsError("system", `the installed stunnel ${version} does not support ${purpose} (${option})`, {
    hint: `install stunnel 5.15 or later, or set ${relaxedBy} in efs-utils.conf${mountOption === undefined ? "" : `, or mount with ${mountOption}`}`,
  });
}
