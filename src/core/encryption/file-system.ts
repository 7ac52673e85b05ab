import type { Region } from "../ids.ts";

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
