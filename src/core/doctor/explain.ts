import type { LogEntry } from "../logs/entry.ts";

/** The classic ways in which a mount fails: what each has as its heading in docs/runbook.md, and what it mostly is. */
export const FAILURES = {
  "time-out": {
    heading: "The mount times out",
    cause:
      "nothing answers on TCP 2049: the mount target's security group, a route, or no mount target in this VPC",
  },
  "access-denied": {
    heading: "Access is denied",
    cause: "the file system's policy, the identity's permissions, the access point, or this machine's clock",
  },
  "wrong-fs-type": {
    heading: "Wrong fs type",
    cause: "the mount helper or the kernel's NFS client is missing, or an option is misspelt",
  },
  "unresolvable-name": {
    heading: "The name does not resolve",
    cause: "another VPC or resolver, no mount target in the zone, or the wrong region",
  },
  "already-mounted": {
    heading: "Something is mounted there already",
    cause: "another file system has the mount point",
  },
  "server-refused": {
    heading: "The server is not who it should be",
    cause: "something else answers in the place of EFS: the name, a proxy, or another file of authorities",
  },
  "ocsp-failed": {
    heading: "Revocation cannot be checked",
    cause: "this machine cannot reach the OCSP responder (TCP 80)",
  },
  "no-credentials": {
    heading: "There are no credentials",
    cause: "no role, and no keys where root looks for them",
  },
  "no-such-directory": {
    heading: "The directory does not exist",
    cause: "the mount point, or the path within the file system",
  },
  "port-in-use": {
    heading: "No local port is free",
    cause: "the range is used up, or somebody has the port that was asked for",
  },
  usage: {
    heading: "Options or configuration are wrong",
    cause: "what the message names",
  },
} as const;

export type FailureId = keyof typeof FAILURES;

/** What a line of the log of mounts, or mount(8) itself, says of a failure. */
const PATTERNS: readonly [FailureId, RegExp][] = [
  ["wrong-fs-type", /wrong fs type|unknown filesystem type|helper program/i],
  ["unresolvable-name", /does not resolve|Name or service not known|Failed to resolve/i],
  ["no-credentials", /needs AWS credentials|has no credentials/i],
  ["ocsp-failed", /OCSP responder/i],
  [
    "server-refused",
    /does not vouch for|certificate for another host|is revoked|does not speak TLS|not with TLS/i,
  ],
  ["access-denied", /access denied|refuses this client|permission denied|Operation not permitted/i],
  ["already-mounted", /mounted already|already mounted|is busy/i],
  ["no-such-directory", /No such file or directory|mount point .* does not exist/i],
  ["port-in-use", /port \d+ on .* is in use|no port from/i],
  [
    "time-out",
    /timed out|was not done (?:after|within)|not accept connections|Connection refused|cannot be reached|gave no answer/i,
  ],
  ["usage", /option|is not valid|efs-utils\.conf|is neither/i],
];

const LONGEST_MESSAGE = 4096;

/** Which classic failure a message tells of; undefined where it is none. */
export function failureOf(message: string): FailureId | undefined {
  // longer ones are not ours, and some of the patterns take their time
  const start = message.slice(0, LONGEST_MESSAGE);
  return PATTERNS.find(([, pattern]) => pattern.test(start))?.[0];
}

/** A failure in the log. */
export interface LoggedFailure {
  readonly time: number;
  readonly message: string;
  readonly failure: FailureId | undefined;
}

function placeIn(message: string): string | undefined {
  const at = message.indexOf(" at /");
  return at === -1 ? undefined : message.slice(at + " at ".length);
}

/**
 * The last failures in the log of mounts, newest first: one of each message. What succeeded again at the same place
 * since is no failure any more.
 */
export function recentFailures(entries: readonly LogEntry[], since: number, most: number): LoggedFailure[] {
  const found = new Map<string, LoggedFailure>();
  const succeeded: string[] = [];
  for (const { time, level, message } of [...entries].reverse()) {
    if (time < since) break;
    const place = placeIn(message);
    if (/^Successfully mounted /.test(message) && place !== undefined) succeeded.push(place);
    if (level !== "ERROR" && level !== "CRITICAL") continue;
    if (succeeded.some((each) => message.includes(` ${each}:`) || message.includes(` ${each};`))) continue;
    if (!found.has(message)) found.set(message, { time, message, failure: failureOf(message) });
    if (found.size === most) break;
  }
  return [...found.values()];
}
