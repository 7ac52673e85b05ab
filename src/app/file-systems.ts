import type { FileSystemDescription } from "@aws-sdk/client-efs";
import { EfsError } from "../core/errors.ts";
import type { FileSystemId } from "../core/ids.ts";
import { quietSdk } from "../system/aws-sdk.ts";
import { type ApiCaller, clientSettings, withinLimit } from "./aws-api.ts";
import { explainApiFailure } from "./aws-failure.ts";

/** A file system as the EFS API describes it (DescribeFileSystems), as far as anybody asks. */
export interface FileSystem {
  readonly id: string;
  /** Undefined where the API does not tell. */
  readonly encrypted: boolean | undefined;
  /** The ARN of the key that encrypts file data. */
  readonly keyId: string | undefined;
}

const PERMISSION = "elasticfilesystem:DescribeFileSystems";

/**
 * What the EFS API knows of a file system.
 *
 * @throws EfsError (mount) saying why it cannot be told and what can be done
 */
export async function describeFileSystem(fsId: FileSystemId, caller: ApiCaller): Promise<FileSystem> {
  quietSdk();
  const { DescribeFileSystemsCommand, EFSClient } = await import("../lazy/aws-efs.ts");
  const client = new EFSClient(clientSettings(caller));
  const command = new DescribeFileSystemsCommand({ FileSystemId: fsId });
  try {
    const { FileSystems: found = [] } = await withinLimit(client.send(command));
    const described = found.find(({ FileSystemId: id }) => id === fsId);
    if (described !== undefined) return fileSystem(described);
  } catch (error) {
    throw apiFailure(error, fsId, caller);
  } finally {
    client.destroy();
  }
  throw new EfsError("mount", `the EFS API does not tell of ${fsId}`, {
    hint: "check what answers for it (AWS_ENDPOINT_URL_EFS, a proxy)",
  });
}

function fileSystem({ FileSystemId: id = "", Encrypted, KmsKeyId }: FileSystemDescription): FileSystem {
  return {
    id,
    encrypted: typeof Encrypted === "boolean" ? Encrypted : undefined,
    keyId: KmsKeyId,
  };
}

function apiFailure(cause: unknown, fsId: FileSystemId, { region, profile }: ApiCaller): EfsError {
  // of the credentials that were looked for here
  if (cause instanceof EfsError) return cause;
  if (cause instanceof Error && cause.name === "FileSystemNotFound") {
    return new EfsError("mount", `the EFS API in ${region} does not know ${fsId} in this account`, {
      hint: "check its id and region; one of another account can be asked for only with credentials of that account",
      cause,
    });
  }
  const purpose = `what ${fsId} is`;
  const call = { service: "EFS", permission: PERMISSION, region, profile, purpose };
  const { message, hint } = explainApiFailure(cause, call);
  return new EfsError("mount", message, { hint, cause });
}
