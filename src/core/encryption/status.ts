import type { Problem } from "../status/status.ts";
import type { FileSystem } from "./file-system.ts";
import { type KeyStatus, keyProblems } from "./key.ts";
import type { TransitStatus } from "./transit.ts";

/** How a file system is protected at rest. What could not be had is not there. */
export interface AtRestStatus {
  readonly fileSystem: string;
  readonly region?: string;
  readonly name?: string;
  readonly encrypted?: boolean;
  readonly key?: KeyStatus;
  readonly problems: readonly Problem[];
  /** What could not be looked at, and why. */
  readonly unread: readonly string[];
}

/** Encryption of this machine's mounts, and of file systems. */
export interface EncryptionStatus {
  readonly inTransit: readonly TransitStatus[];
  readonly atRest: readonly AtRestStatus[];
  /** What of this machine could not be read, and why. */
  readonly unread: readonly string[];
}

/** What is to be told of a file system that the EFS API knows, with its key where it has one. */
export function atRestOf(
  { id, region, name, encrypted }: FileSystem,
  key: KeyStatus | undefined,
): AtRestStatus {
  const untold = encrypted === undefined ? ["the EFS API does not tell whether it is encrypted"] : [];
  return {
    fileSystem: id,
    region,
    ...(name !== undefined && { name }),
    ...(encrypted !== undefined && { encrypted }),
    ...(key !== undefined && { key }),
    problems: encrypted === false ? [unencrypted(id)] : key === undefined ? [] : keyProblems(key, id),
    unread: [...untold, ...(key?.unread ?? [])],
  };
}

function unencrypted(id: string): Problem {
  return {
    what: `${id} is not encrypted at rest`,
    remedy:
      "encryption cannot be turned on later: make an encrypted one (efs-utils create-file-system), and move the data",
  };
}

/** Whether there is something to see to; what could not be looked at counts where nothing else does. */
export function encryptionOutcome({
  inTransit,
  atRest,
  unread,
}: EncryptionStatus): "healthy" | "findings" | "could not look" {
  const all = [...inTransit, ...atRest];
  if (all.some(({ problems }) => problems.length > 0)) return "findings";
  const isPartial = unread.length > 0 || atRest.some((one) => one.unread.length > 0);
  return isPartial ? "could not look" : "healthy";
}
