import { createHash } from "node:crypto";
import type { FileSystemId, Port } from "../ids.ts";

/** Where the files of one tunnel are; all in the state directory. */
export interface TunnelPaths {
  /** Directory of the files that belong to this tunnel alone. */
  readonly directory: string;
  /** Its name within the state directory. */
  readonly directoryName: string;
  readonly stateFile: string;
  /** The state file's name while the mount is being made: who has it has the port. */
  readonly unfinishedStateFile: string;
  readonly stunnelConfig: string;
  readonly certificate: string;
  readonly pidFile: string;
  /** What stunnel and its keeper say. */
  readonly log: string;
}

/** The modes of a tunnel's files and of its directory. A state file may be read by a group of operators. */
export const FILE_MODES = { state: 0o640, private: 0o600, directory: 0o700 } as const;

/** Longest part of a file name that comes from the mount point: the rest of 255 bytes is for what is around it. */
const LONGEST_SAFE_NAME = 160;

/**
 * The mount point's part of file names: slashes become dots, leading dots go. It cannot be turned back into
 * a path. Very long ones are cut and told apart by a digest.
 */
export function safeName(mountPoint: string): string {
  const name = mountPoint.replaceAll("/", ".").replace(/^\.+/, "");
  if (Buffer.byteLength(name) <= LONGEST_SAFE_NAME) return name;
  const digest = createHash("sha256").update(mountPoint).digest("hex").slice(0, 16);
  const cut = Buffer.from(name)
    .subarray(0, LONGEST_SAFE_NAME - digest.length - 1)
    .toString("utf8");
  return `${cut.replace(/\uFFFD+$/, "")}-${digest}`;
}

export function tunnelPaths(stateDirectory: string, base: string): TunnelPaths {
  const inState = (name: string) => `${stateDirectory}/${name}`;
  const directoryName = `${base}+`;
  const directory = inState(directoryName);
  return {
    directory,
    directoryName,
    stateFile: inState(base),
    unfinishedStateFile: inState(`~${base}`),
    stunnelConfig: inState(`${CONFIG_PREFIX}${base}`),
    certificate: `${directory}/certificate.pem`,
    pidFile: `${directory}/stunnel.pid`,
    log: `${directory}/tunnel.log`,
  };
}

/** `FSID.SAFE.PORT`, on which the names of all files of a tunnel are built. */
export function tunnelBase(fsId: FileSystemId, mountPoint: string, port: Port): string {
  return `${fsId}.${safeName(mountPoint)}.${port}`;
}

const CONFIG_PREFIX = "stunnel-config.";

export type StateDirectoryEntry =
  | {
      readonly kind: "state" | "unfinished" | "config" | "directory";
      readonly base: string;
      readonly port: Port;
    }
  | { readonly kind: "other" };

/** What a name in the state directory stands for, also where another helper made it. */
export function classifyEntry(name: string): StateDirectoryEntry {
  const match = /^(~|stunnel-config\.)?(fs-[0-9a-f]+\..*\.([0-9]{1,5}))(\+)?$/s.exec(name);
  if (match === null) return { kind: "other" };
  const [, prefix, base = "", portText, plus] = match;
  const port = Number(portText);
  if (port < 1 || port > 65_535 || (prefix !== undefined && plus !== undefined)) return { kind: "other" };
  const kind =
    plus === "+"
      ? "directory"
      : prefix === "~"
        ? "unfinished"
        : prefix === CONFIG_PREFIX
          ? "config"
          : "state";
  return { kind, base, port: port as Port };
}
