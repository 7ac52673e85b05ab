/** How a file system answers, asked with NFS's procedure that does nothing. */
export interface Answer {
  readonly outcome: "answered" | "silent" | "closed";
  /** Until the first answer, a new connection and its TLS handshake included, in milliseconds. */
  readonly connectMs?: number;
  /** Between a second call on the same connection and its answer. */
  readonly roundTripMs?: number;
}

/** What a mount has moved since it was made. */
export interface Traffic {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly operations: number;
  readonly retransmissions: number;
  readonly timeouts: number;
}

/** The client certificate that a tunnel presents. */
export interface ClientCertificate {
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Who can connect to a tunnel: root and the kernel's NFS client alone, or every local user. */
export type TunnelAccess = "root" | "any";

/** The tunnel of a mount. A fact that could not be had is not there. */
export interface TunnelStatus {
  readonly port: number;
  /** stunnel's process; without one the tunnel is down. */
  readonly pid?: number;
  readonly ageSeconds?: number;
  /** Whether a process holds its socket while stunnel is replaced. */
  readonly kept?: boolean;
  /** Replacements of stunnel since the mount, by the watchdog's log. */
  readonly restarts?: number;
  readonly certificate?: ClientCertificate;
  /** Where the client's identity comes from, in a reader's words. */
  readonly identity?: string;
  readonly accessPoint?: string;
  readonly access?: TunnelAccess;
  /** In another network namespace, where it cannot be asked from here. */
  readonly networkNamespace?: string;
}

/** One mount of a file system, or what is left of one. */
export interface MountStatus {
  readonly kind: "mount" | "orphan";
  /** Where it is, or was. */
  readonly mountPoint?: string;
  readonly fileSystem?: string;
  readonly dnsName?: string;
  /** The path within the file system. */
  readonly path?: string;
  readonly protection: "tls" | "plain";
  readonly tunnel?: TunnelStatus;
  /** Where the client is connected to. */
  readonly address?: string;
  readonly answer?: Answer;
  readonly traffic?: Traffic;
  /** Since the mount was made. */
  readonly ageSeconds?: number;
  readonly problems: readonly Problem[];
}

/** Something to see to. */
export interface Problem {
  readonly what: string;
  readonly remedy: string;
}

/** The whole machine. */
export interface Status {
  readonly mounts: readonly MountStatus[];
  /** Problems of the machine, and of no mount alone. */
  readonly problems: readonly Problem[];
  /** What could not be read, and why. */
  readonly unread: readonly string[];
}

/** Whether there is anything to see to. */
export function isHealthy({ mounts, problems }: Status): boolean {
  return problems.length === 0 && mounts.every((mount) => mount.problems.length === 0);
}

/** What is left over and what has problems comes first; otherwise by place. */
export function inOrder(mounts: readonly MountStatus[]): MountStatus[] {
  const rank = ({ kind, problems }: MountStatus) => (kind === "orphan" ? 0 : problems.length > 0 ? 1 : 2);
  const place = ({ mountPoint = "" }: MountStatus) => mountPoint;
  return [...mounts].sort(
    (one, other) =>
      rank(one) - rank(other) || (place(one) < place(other) ? -1 : place(one) > place(other) ? 1 : 0),
  );
}
