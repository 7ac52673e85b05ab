import { readdirSync } from "node:fs";
import { type AtRestStatus, atRestOf, type EncryptionStatus } from "../../core/encryption/status.ts";
import { foreignMount, serverChecks, type TransitStatus, transitOf } from "../../core/encryption/transit.ts";
import { EfsError, oneLine } from "../../core/errors.ts";
import { type FileSystemId, parseFileSystemId, type Region } from "../../core/ids.ts";
import { parseEfsHostName } from "../../core/request/device.ts";
import type { MountStatus } from "../../core/status/status.ts";
import { quoted } from "../../core/text.ts";
import { classifyEntry, tunnelPaths } from "../../core/tunnel/names.ts";
import { readIfThere } from "../../system/files.ts";
import { PATIENT_ATTEMPTS } from "../aws/client.ts";
import { describeFileSystem } from "../aws/file-systems.ts";
import { lookAtMounts, type StatusContext } from "../status/look.ts";
import { Limiter } from "../watchdog/limiter.ts";
import type { ApiAccess } from "./access.ts";
import { lookAtKey } from "./key.ts";

/** So many file systems are asked for at the same time. */
const AT_ONCE = 4;

/**
 * Looks at how this machine's mounts are encrypted in transit, and at how file systems are at rest: those that are
 * named, or else those that are mounted.
 *
 * @param named ids as the user wrote them
 * @throws EfsError (usage) for what is no id, (system) where the mount table cannot be read
 */
export async function encryptionStatus(
  named: readonly string[],
  context: StatusContext,
  access: ApiAccess,
): Promise<EncryptionStatus> {
  const wanted = named.map(requireId);
  const status = await lookAtMounts(context);
  const mounts = status.mounts.filter(({ kind }) => kind === "mount");
  const isWanted = ({ fileSystem }: { fileSystem?: string }) =>
    wanted.length === 0 || wanted.some((id) => id === fileSystem);
  const own = mounts.filter(isWanted).flatMap((mount) => transitOf(mount, checksOf(mount, context)) ?? []);
  const places = new Set(mounts.map(({ mountPoint }) => mountPoint));
  const foreign = context.kernel
    .mounts("self")
    .filter(({ mountPoint }) => wanted.length === 0 && !places.has(mountPoint))
    .flatMap((entry) => foreignMount(entry) ?? []);
  const inTransit: TransitStatus[] = [...own, ...foreign];
  const mounted = mounts.flatMap(({ fileSystem }) => parseFileSystemId(fileSystem ?? "") ?? []);
  const limiter = new Limiter(AT_ONCE);
  const atRest = await Promise.all(
    [...new Set(wanted.length > 0 ? wanted : mounted)].map((id) =>
      limiter.run(() => atRestStatus(id, regionOf(id, mounts), access)),
    ),
  );
  return { inTransit, atRest, unread: wanted.length > 0 ? [] : status.unread };
}

function requireId(text: string): FileSystemId {
  const id = parseFileSystemId(text);
  if (id !== undefined) return id;
  throw new EfsError("usage", `${quoted(text)} is no file system's id`, { hint: "give one as fs-12345678" });
}

/** The region in the DNS name under which a file system is mounted. */
function regionOf(id: FileSystemId, mounts: readonly MountStatus[]): Region | undefined {
  const of = mounts.filter(({ fileSystem }) => fileSystem === id);
  return of.flatMap(({ dnsName }) => parseEfsHostName(dnsName ?? "")?.region ?? [])[0];
}

/** What a mount's tunnel proves of the server; undefined where its configuration cannot be read. */
function checksOf({ tunnel, fileSystem }: MountStatus, { paths: { stateDirectory } }: StatusContext) {
  if (tunnel === undefined) return undefined;
  try {
    const ofPort = readdirSync(stateDirectory)
      .map(classifyEntry)
      .flatMap((each) => (each.kind === "config" && each.port === tunnel.port ? [each.base] : []));
    // every network namespace has ports of its own
    const base = ofPort.length === 1 ? ofPort[0] : ofPort.find((each) => each.startsWith(`${fileSystem}.`));
    if (base === undefined) return undefined;
    const config = readIfThere(tunnelPaths(stateDirectory, base).stunnelConfig);
    return config === undefined ? undefined : serverChecks(config);
  } catch {
    // who may not read it is told so by the look at the mounts
    return undefined;
  }
}

async function atRestStatus(
  id: FileSystemId,
  mountedIn: Region | undefined,
  access: ApiAccess,
): Promise<AtRestStatus> {
  try {
    const caller = access.caller(access.chosenRegion ?? mountedIn ?? (await access.region()));
    const fileSystem = await describeFileSystem(id, caller, PATIENT_ATTEMPTS);
    const { keyId, encrypted } = fileSystem;
    const key = encrypted && keyId !== undefined ? await lookAtKey(keyId, id, caller) : undefined;
    return atRestOf(fileSystem, key);
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    return { fileSystem: id, problems: [], unread: [oneLine(error)] };
  }
}
