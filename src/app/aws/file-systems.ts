import type { DescribeFileSystemsCommandOutput, EFSClient } from "@aws-sdk/client-efs";
import { type FileSystem, fileSystemsIn } from "../../core/encryption/file-system.ts";
import { EfsError } from "../../core/errors.ts";
import type { FileSystemId } from "../../core/ids.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import { type ApiCaller, clientSettings, PATIENT_ATTEMPTS, withinLimit } from "./client.ts";
import { explainApiFailure } from "./failure.ts";

const PERMISSION = "elasticfilesystem:DescribeFileSystems";
const STRANGE = "check what answers for it (AWS_ENDPOINT_URL_EFS, a proxy)";

/**
 * What the EFS API knows of a file system.
 *
 * @param attempts how often it is asked in all, where it is busy
 * @throws EfsError (mount) saying why it cannot be told and what can be done
 */
export async function describeFileSystem(
  fsId: FileSystemId,
  caller: ApiCaller,
  attempts = 2,
): Promise<FileSystem> {
  const described = await withClient(caller, attempts, async (client, { DescribeFileSystemsCommand }) => {
    const command = new DescribeFileSystemsCommand({ FileSystemId: fsId });
    return explained(withinLimit(client.send(command)), `what ${fsId} is`, caller, fsId);
  });
  const found = fileSystemsIn(described, caller.region).find(({ id }) => id === fsId);
  if (found !== undefined) return found;
  throw new EfsError("mount", `the EFS API does not tell of ${fsId}`, { hint: STRANGE });
}

/** As many as EFS gives at once. */
const PAGE_SIZE = 100;
/** More pages than any account has: an API that goes on is none. */
const MOST_PAGES = 1000;

/**
 * All file systems of an account in a region. Throttled calls are made again, later and later.
 *
 * @throws EfsError (mount) saying why they cannot be told and what can be done
 */
export async function listFileSystems(caller: ApiCaller): Promise<FileSystem[]> {
  return withClient(caller, PATIENT_ATTEMPTS, async (client, { DescribeFileSystemsCommand }) => {
    const found: FileSystem[] = [];
    let marker: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const command = new DescribeFileSystemsCommand({ MaxItems: PAGE_SIZE, Marker: marker });
      const sent = withinLimit(client.send(command), PAGE_LIMIT_MS);
      const answer: DescribeFileSystemsCommandOutput = await explained(sent, "file systems", caller);
      found.push(...fileSystemsIn(answer, caller.region));
      if (!answer.NextMarker) return found;
      marker = answer.NextMarker;
    }
    throw new EfsError("mount", `the EFS API in ${caller.region} has no end of pages`, { hint: STRANGE });
  });
}

/** For one page with all that a busy API costs. */
const PAGE_LIMIT_MS = 60_000;

async function withClient<T>(
  caller: ApiCaller,
  attempts: number,
  use: (client: EFSClient, sdk: typeof import("../../lazy/aws-efs.ts")) => Promise<T>,
): Promise<T> {
  quietSdk();
  const sdk = await import("../../lazy/aws-efs.ts");
  const client = new sdk.EFSClient(clientSettings(caller, attempts));
  try {
    return await use(client, sdk);
  } finally {
    client.destroy();
  }
}

/** An answer, or an error in a reader's words. */
async function explained<T>(
  answer: Promise<T>,
  purpose: string,
  { region, profile }: ApiCaller,
  fsId?: FileSystemId,
): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    // of the credentials that were looked for here
    if (cause instanceof EfsError) throw cause;
    if (cause instanceof Error && cause.name === "FileSystemNotFound" && fsId !== undefined) {
      throw new EfsError("mount", `the EFS API in ${region} does not know ${fsId} in this account`, {
        hint: "check its id and region; one of another account can be asked for only with credentials of that account",
        cause,
      });
    }
    const call = { service: "EFS", permission: PERMISSION, region, profile, purpose };
    const { message, hint } = explainApiFailure(cause, call);
    throw new EfsError("mount", message, { hint, cause });
  }
}
