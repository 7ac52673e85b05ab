import type { MountEntry } from "../nfs/mount-table.ts";
import { tunnelPort } from "../nfs/mount-table.ts";
import type { MountStatus, Problem } from "../status/status.ts";
import { savedSetting } from "../watchdog/saved-config.ts";

/** What a tunnel proves of the server before it lets anything through. */
export interface ServerChecks {
  /** That its certificate leads to a trusted authority. */
  readonly chain: boolean;
  /** That the certificate is for the file system's name. */
  readonly hostName: boolean;
  /** That the certificate is not revoked. */
  readonly revocation: boolean;
}

/** How what a mount sends and gets is protected. */
export interface TransitStatus {
  readonly mountPoint: string;
  readonly fileSystem?: string;
  /** `foreign`: a local port that no tunnel of ours has, which may or may not lead through TLS. */
  readonly protection: "tls" | "plain" | "foreign";
  /** The local port, where it is mounted through one. */
  readonly port?: number;
  /** Where the tunnel's configuration may be read. */
  readonly checks?: ServerChecks;
  readonly problems: readonly Problem[];
}

/** What a stunnel configuration of ours, or of another helper, says of the server (stunnel(8)). */
export function serverChecks(config: string): ServerChecks {
  const chain =
    Number(savedSetting(config, "verify") ?? 0) > 0 || savedSetting(config, "verifyChain") === "yes";
  return {
    chain,
    hostName: chain && savedSetting(config, "checkHost") !== undefined,
    revocation: chain && savedSetting(config, "OCSPaia") === "yes",
  };
}

/** How a mount of EFS is protected; undefined for what is left of one that is gone. */
export function transitOf(mount: MountStatus, checks: ServerChecks | undefined): TransitStatus | undefined {
  const { kind, mountPoint, fileSystem, protection, tunnel } = mount;
  if (kind !== "mount" || mountPoint === undefined) return undefined;
  const known = { mountPoint, ...(fileSystem !== undefined && { fileSystem }) };
  if (protection === "plain") return { ...known, protection, problems: [plainProblem(mountPoint)] };
  if (tunnel === undefined) return { ...known, protection: "foreign", problems: [] };
  return {
    ...known,
    protection: "tls",
    port: tunnel.port,
    ...(checks !== undefined && { checks }),
    problems: checks === undefined ? [] : checkProblems(mountPoint, checks),
  };
}

/** An NFS mount of a local port that is none of ours; undefined for anything else. */
export function foreignMount(entry: MountEntry): TransitStatus | undefined {
  const port = tunnelPort(entry);
  if (port === undefined) return undefined;
  return { mountPoint: entry.mountPoint, protection: "foreign", port, problems: [] };
}

function plainProblem(mountPoint: string): Problem {
  return {
    what: `${mountPoint} is mounted without encryption in transit`,
    remedy: "unmount it, and mount it with the option tls (mount -t efs -o tls)",
  };
}

function checkProblems(mountPoint: string, { chain, hostName }: ServerChecks): Problem[] {
  if (chain && hostName) return [];
  const lacking = chain
    ? "the server's host name is not checked: any server with a certificate of a trusted authority is believed"
    : "the server is not verified: whoever is between reads along";
  return [
    {
      what: `${mountPoint} is encrypted in transit, but ${lacking}`,
      remedy: chain
        ? "set stunnel_check_cert_hostname = true in efs-utils.conf, and mount again"
        : "mount it without verify=0",
    },
  ];
}
