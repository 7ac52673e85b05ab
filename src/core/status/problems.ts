import { type AccessMode, NO_FILTER_REMEDY } from "../access/mode.ts";
import type { Answer, MountStatus, Problem, TunnelStatus } from "./status.ts";

/**
 * What is wrong with a mount, worst first.
 *
 * @param now in milliseconds since the epoch
 * @param mode who is to have access to tunnels
 */
export function mountProblems(
  { mountPoint, protection, tunnel, answer }: Omit<MountStatus, "problems">,
  now: number,
  mode: AccessMode = "auto",
): Problem[] {
  const place = mountPoint ?? "its mount point";
  const own = tunnel === undefined ? [] : tunnelProblems(tunnel, place, now, mode);
  // one that is down cannot answer
  const isDown = protection === "tls" && tunnel?.pid === undefined;
  return isDown ? own : [...own, ...answerProblems(answer, protection)];
}

function tunnelProblems(
  { port, pid, kept, certificate, access }: TunnelStatus,
  place: string,
  now: number,
  mode: AccessMode,
): Problem[] {
  const problems: Problem[] = [];
  if (pid === undefined) {
    problems.push({
      what: `no tunnel runs on port ${port}: whoever touches ${place} waits`,
      remedy: "start the watchdog, which starts it again: systemctl start amazon-efs-mount-watchdog",
    });
  } else if (kept === false) {
    problems.push({
      what: "nobody holds the tunnel's socket: a writer would notice when stunnel dies",
      remedy: "unmount and mount again when that suits you",
    });
  }
  if (access === "any" && mode !== "any") {
    problems.push({
      what: `every local user can use the tunnel on port ${port}, as any user of the file system`,
      remedy: `see efs-utils doctor and mount-watchdog.log; ${NO_FILTER_REMEDY}`,
    });
  }
  if (certificate !== undefined && certificate.expiresAt.getTime() <= now) {
    problems.push({
      what: `the client certificate is expired since ${certificate.expiresAt.toISOString()}`,
      remedy: "see why the watchdog does not renew it: efs-utils logs, then efs-utils doctor",
    });
  }
  return problems;
}

function answerProblems(answer: Answer | undefined, protection: MountStatus["protection"]): Problem[] {
  const remedy = "see efs-utils logs and efs-utils doctor for the network and the mount target";
  switch (answer?.outcome) {
    case undefined:
    case "answered":
      return [];
    case "silent":
      return [{ what: "the file system does not answer", remedy }];
    case "closed":
      return [
        {
          what:
            protection === "tls"
              ? "the tunnel cannot connect to the file system"
              : "the file system accepts no connection",
          remedy,
        },
      ];
  }
}

/** What a tunnel without a mount is. */
export type Leftover =
  /** Its mount was made by a helper that was killed before it was done. */
  | "unfinished"
  /** Files or processes that no mount uses. */
  | "unused";

/** What there is to do about what is left of a mount. */
export function leftoverProblem(kind: Leftover, base: string, hasWatchdog: boolean): Problem {
  const what =
    kind === "unfinished"
      ? `${base} is left of a mount that was never finished`
      : `${base} is a tunnel that no mount uses`;
  const remedy = hasWatchdog
    ? "nothing yet: the watchdog ends it; if it stays, see mount-watchdog.log"
    : "start the watchdog, which ends it: systemctl start amazon-efs-mount-watchdog";
  return { what, remedy };
}
