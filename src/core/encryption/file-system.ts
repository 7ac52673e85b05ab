import type { Region } from "../ids.ts";
import { hasControlCharacter } from "../text.ts";

/** A file system as the EFS API describes it (DescribeFileSystems), as far as anybody asks. What it does not tell is undefined. */
export interface FileSystem {
  readonly id: string;
  readonly region: Region;
  readonly name: string | undefined;
  readonly encrypted: boolean | undefined;
  /** The ARN of the key that encrypts file data. */
  readonly keyId: string | undefined;
  /** Its life cycle: creating, available, updating, deleting, deleted or error. */
  readonly state: string | undefined;
  readonly createdAt: Date | undefined;
  readonly sizeBytes: number | undefined;
  readonly mountTargets: number | undefined;
}

/** The file systems in an answer of DescribeFileSystems; whatever is in it that cannot be is undefined. */
export function fileSystemsIn(answer: unknown, region: Region): FileSystem[] {
  const listed: unknown = (answer as { FileSystems?: unknown } | null | undefined)?.FileSystems;
  return (Array.isArray(listed) ? listed : []).map((described: Record<string, unknown> | null) => ({
    id: text(described?.FileSystemId) ?? "",
    region,
    name: text(described?.Name),
    encrypted: typeof described?.Encrypted === "boolean" ? described.Encrypted : undefined,
    keyId: text(described?.KmsKeyId),
    state: text(described?.LifeCycleState),
    createdAt: described?.CreationTime instanceof Date ? described.CreationTime : undefined,
    sizeBytes: count((described?.SizeInBytes as { Value?: unknown } | null | undefined)?.Value),
    mountTargets: count(described?.NumberOfMountTargets),
  }));
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && !hasControlCharacter(value) ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
