/**
 * What the doctor looks at, in its order: each by the name under which docs/runbook.md has what to do about it, and
 * by what a reader sees.
 */
export const CHECKS = {
  installation: "installation",
  "kernel-nfs-client": "kernel NFS client",
  "mount-nfs4": "mount.nfs4",
  stunnel: "stunnel version",
  "stunnel-features": "OCSP, host names, sockets",
  fips: "FIPS mode",
  configuration: "configuration file",
  authorities: "authorities (CA file)",
  metadata: "instance metadata",
  region: "region",
  clock: "clock",
  name: "name and address",
  "port-2049": "port 2049",
  "tls-handshake": "TLS handshake",
  "ocsp-responder": "OCSP responder",
  credentials: "credentials",
  "efs-api": "EFS API",
  "local-ports": "local ports",
  "tunnel-access": "access to tunnels",
  "state-directory": "state directory",
  watchdog: "watchdog",
  fstab: "/etc/fstab",
  boot: "boot",
  failures: "recent failures",
} as const;

export type CheckId = keyof typeof CHECKS;

/** What came of looking. */
export type Verdict =
  | "ok"
  /** Nothing to see to, but worth knowing. */
  | "note"
  /** It works, and may not for long, or not as it should. */
  | "warning"
  | "problem"
  /** It does not apply here, or could not be looked at: the finding says why. */
  | "skipped";

/** What was found, and what to do about it. */
export interface Finding {
  readonly verdict: Verdict;
  readonly finding: string;
  readonly remedy?: string;
}

/** A look at one thing. */
export interface Look {
  /** What was looked at: a file, an address, a program. */
  readonly looked: string;
  /** One at least. */
  readonly findings: readonly Finding[];
}

/** What the doctor tells of one check. */
export interface CheckReport extends Look {
  readonly id: CheckId;
  readonly title: string;
}

const SEVERITY: readonly Verdict[] = ["skipped", "ok", "note", "warning", "problem"];

/** The worst of what was found. */
export function worstOf(findings: readonly Finding[]): Verdict {
  return findings.reduce<Verdict>(
    (worst, { verdict }) => (SEVERITY.indexOf(verdict) > SEVERITY.indexOf(worst) ? verdict : worst),
    "skipped",
  );
}

/** Whether there is anything to see to. */
export function hasFindings(reports: readonly CheckReport[]): boolean {
  return reports.some(({ findings }) => ["warning", "problem"].includes(worstOf(findings)));
}

export const ok = (finding: string): Finding => ({ verdict: "ok", finding });
export const note = (finding: string, remedy?: string): Finding => found("note", finding, remedy);
export const skipped = (finding: string): Finding => ({ verdict: "skipped", finding });
export const warning = (finding: string, remedy: string): Finding => found("warning", finding, remedy);
export const problem = (finding: string, remedy: string): Finding => found("problem", finding, remedy);

function found(verdict: Verdict, finding: string, remedy: string | undefined): Finding {
  return { verdict, finding, ...(remedy !== undefined && { remedy }) };
}
