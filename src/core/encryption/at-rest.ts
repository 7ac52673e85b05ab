import type { FileSystemId, Region } from "../ids.ts";
import { hasControlCharacter } from "../text.ts";

/**
 * That a file system is encrypted at rest, as the EFS API said once. It stays true: encryption at rest is decided
 * when a file system is made. Of one that is not encrypted nothing is remembered.
 */
export interface EncryptedAtRest {
  readonly fsId: FileSystemId;
  readonly region: Region;
  /** The key's ARN, where the API told it. */
  readonly keyId: string | undefined;
  /** When the API said so, in milliseconds since 1970. */
  readonly checkedAt: number;
}

/** Longer texts than this are no answer that was remembered. */
export const LONGEST_AT_REST = 4096;

/** The name of the file that remembers the answer for a file system. */
export function atRestName(fsId: FileSystemId, region: Region): string {
  return `${fsId}.${region}.json`;
}

export function formatAtRest({ fsId, region, keyId, checkedAt }: EncryptedAtRest): string {
  return JSON.stringify({ fsId, region, encrypted: true, keyId, checkedAt });
}

/** Reads what was remembered for a file system; undefined for anything else, which is asked again. */
export function parseAtRest(text: string, fsId: FileSystemId, region: Region): EncryptedAtRest | undefined {
  if (text.length > LONGEST_AT_REST) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { encrypted, checkedAt, keyId, ...of } = value as Record<string, unknown>;
  if (encrypted !== true || of.fsId !== fsId || of.region !== region) return undefined;
  if (typeof checkedAt !== "number" || !isTime(checkedAt)) return undefined;
  if (keyId !== undefined && (typeof keyId !== "string" || hasControlCharacter(keyId))) return undefined;
  return { fsId, region, keyId, checkedAt };
}

/** What a Date can be made of, and is not before 1970 (ECMA-262, 21.4.1.1). */
const isTime = (value: number) => Number.isFinite(value) && value >= 0 && value <= 8.64e15;
