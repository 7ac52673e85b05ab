import { posix } from "node:path";
import {
  atRestName,
  type EncryptedAtRest,
  formatAtRest,
  LONGEST_AT_REST,
  parseAtRest,
} from "../../core/encryption/at-rest.ts";
import { notEncryptedAtRest } from "../../core/encryption/rules.ts";
import { EfsError } from "../../core/errors.ts";
import type { ResolvedTarget } from "../../core/location/target.ts";
import { makeDirectory, readPlainFile, writeAtomically } from "../../system/files.ts";
import type { ApiCaller } from "../aws/client.ts";
import type { MountContext } from "../context.ts";

type AtRestContext = Pick<MountContext, "now" | "step"> & {
  readonly paths: Pick<MountContext["paths"], "atRestMemory">;
};

/** Readable by others, and to be trusted only where others cannot write it. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Holds a mount to `require_encryption_at_rest`. The EFS API is asked once for each file system, and what it
 * takes is loaded then; a yes is remembered, as it stays true.
 *
 * @throws EfsError (permission) for a file system that is not encrypted, (mount) where that cannot be found out
 */
export async function requireEncryptionAtRest(
  target: ResolvedTarget,
  caller: ApiCaller,
  { paths, now, step }: AtRestContext,
): Promise<void> {
  const { fsId, region } = target;
  const file = posix.join(paths.atRestMemory, atRestName(fsId, region));
  const remembered = recall(file, target);
  if (remembered !== undefined) {
    step(`${fsId} is encrypted at rest, as the EFS API said on ${timeText(remembered.checkedAt)}`);
    return;
  }
  const { encrypted, keyId } = await describe(target, caller);
  if (encrypted === false) throw notEncryptedAtRest(target);
  if (encrypted === undefined) {
    throw new EfsError("mount", `${UNKNOWN(target)}, and the EFS API does not tell`, {
      hint: "check what answers for it (AWS_ENDPOINT_URL_EFS, a proxy)",
    });
  }
  step(`${fsId} is encrypted at rest, says the EFS API`);
  remember(file, { fsId, region, keyId, checkedAt: now().getTime() });
}

const UNKNOWN = ({ fsId }: ResolvedTarget) =>
  `${fsId} is mounted only where it is known to be encrypted at rest (require_encryption_at_rest in efs-utils.conf)`;

async function describe(target: ResolvedTarget, caller: ApiCaller) {
  const { describeFileSystem } = await import("../aws/file-systems.ts");
  try {
    return await describeFileSystem(target.fsId, caller);
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    throw error.reworded(`${UNKNOWN(target)}, and ${error.message}`);
  }
}

/** What an earlier mount found out, where nobody but root can have written it. */
function recall(file: string, { fsId, region }: ResolvedTarget): EncryptedAtRest | undefined {
  try {
    const found = readPlainFile(file, LONGEST_AT_REST);
    const isOurs = found.owner === process.geteuid?.() && (found.mode & WRITABLE_BY_OTHERS) === 0;
    return isOurs ? parseAtRest(found.text, fsId, region) : undefined;
  } catch {
    return undefined;
  }
}

function remember(file: string, found: EncryptedAtRest): void {
  try {
    makeDirectory(posix.dirname(file), DIRECTORY_MODE);
    writeAtomically(file, formatAtRest(found), FILE_MODE);
  } catch {
    // it is asked again next time
  }
}

const timeText = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
