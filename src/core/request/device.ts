import { EfsError } from "../errors.ts";
import { type FileSystemId, parseFileSystemId, parseRegion, type Region } from "../ids.ts";
import { hasControlCharacter, quoted } from "../text.ts";

/** What is to be mounted, as it was named. */
export type Device =
  | { readonly kind: "id"; readonly fsId: FileSystemId }
  | { readonly kind: "name"; readonly host: string };

/** The parts of an EFS host name, `[az.]fs-ID.efs.REGION.SUFFIX`. */
export interface EfsHostName {
  readonly fsId: FileSystemId;
  readonly region: Region;
  readonly zone: string | undefined;
  readonly suffix: string;
}

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$/;

/**
 * Reads `fs-ID[:PATH]` or `HOST-NAME[:PATH]`. The path is `/` where there is none.
 *
 * @throws EfsError (usage) for anything else.
 */
export function parseDevice(text: string): { device: Device; remotePath: string } {
  const wrong = (why: string): EfsError =>
    new EfsError("usage", `the device ${quoted(text)} ${why}`, {
      hint: "write fs-ID[:PATH] or the file system's DNS name, as in fs-12345678:/",
    });
  if (hasControlCharacter(text)) throw wrong("holds a control character");
  const colon = text.indexOf(":");
  const name = colon === -1 ? text : text.slice(0, colon);
  const path = colon === -1 ? "" : text.slice(colon + 1);
  const remotePath = path === "" ? "/" : path;
  const fsId = parseFileSystemId(name);
  if (fsId !== undefined) return { device: { kind: "id", fsId }, remotePath };
  if (!HOST_NAME.test(name)) throw wrong("is neither a file system id nor a host name");
  return { device: { kind: "name", host: name }, remotePath };
}

/** The parts of a host name, where it is an EFS one. */
export function parseEfsHostName(host: string): EfsHostName | undefined {
  const match = /^(?:([a-z0-9-]+)\.)?(fs-[0-9a-f]+)\.efs\.([a-z0-9-]+)\.([a-z0-9.-]+?)\.?$/.exec(host);
  if (match === null) return undefined;
  const [, zone, id = "", regionName = "", suffix = ""] = match;
  const fsId = parseFileSystemId(id);
  const region = parseRegion(regionName);
  return fsId && region ? { fsId, region, zone, suffix } : undefined;
}
