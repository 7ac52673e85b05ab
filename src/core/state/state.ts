import { posix } from "node:path";
import { EfsError } from "../errors.ts";
import { parseFileSystemId, parseRegion } from "../ids.ts";
import { quoted } from "../text.ts";

/**
 * The state file: the contract between helper and watchdog, also of other versions and other helpers. The
 * keys of the interface keep their names and types; ours stand beside them and may be missing.
 */
export interface TunnelState {
  /** stunnel's process, -1 before it runs. */
  readonly pid: number;
  /** stunnel's argument vector. */
  readonly cmd: readonly string[];
  /** What is to be deleted at the end, beside the tunnel's directory. */
  readonly files: readonly string[];
  /** Seconds since the epoch. */
  readonly mount_time?: number;
  readonly mountpoint?: string;
  readonly service_type?: string;
  readonly mountStateDir?: string;
  readonly commonName?: string;
  readonly region?: string;
  /** UTC, `yymmddHHMMSSZ`. */
  readonly certificateCreationTime?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly fsId?: string;
  readonly accessPoint?: string;
  readonly awsCredentialsMethod?: string;
  readonly unmount_time?: number;
  readonly unmount_count?: number;
  readonly last_stunnel_check_time?: number;

  /** stunnel's start time, in clock ticks since boot: with the pid it names one process for good. */
  readonly pidStartTime?: number;
  /** The process that holds the listening socket. */
  readonly keeper?: ProcessIdentity;
  /** The helper that is making this mount, in an unfinished state file. */
  readonly helper?: ProcessIdentity;
  /** Where the process is that has started this tunnel, or makes this mount: pids are of there. */
  readonly namespaces?: Namespaces;
  /** Network namespace of tunnel and mount, where it is not the caller's own. */
  readonly networkNamespace?: string;
  /** Whether the tunnel's listening socket outlives stunnel. */
  readonly inheritsSocket?: boolean;
}

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, /proc/PID/stat field 22 (proc(5)). */
  readonly startTime: number;
}

/** In which a process is, namespaces(7): the numbers of two of its namespaces, and the boot that they are of. */
export interface Namespaces {
  /** /proc/sys/kernel/random/boot_id */
  readonly boot: string;
  readonly pid: number;
  readonly net: number;
}

/** Longer state files than this are no state files. */
export const LONGEST_STATE_FILE = 256 * 1024;

export function formatState(state: TunnelState): string {
  return JSON.stringify(state);
}

type Check = (value: unknown, directory: string) => boolean;

const isText: Check = (value) => typeof value === "string" && !/[\u0000-\u001f\u007f]/.test(value);
const isCount: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isTime: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isPid: Check = (value) => value === -1 || (isCount(value, "") && (value as number) > 1);
const isTexts: Check = (value, directory) =>
  Array.isArray(value) && value.every((item) => isText(item, directory));
const isAbsolute: Check = (value) => typeof value === "string" && isText(value, "") && value.startsWith("/");
/** A path that is deleted or written one day: it must lie in the state directory and be plain. */
const isInside: Check = (value, directory) =>
  isAbsolute(value, directory) &&
  posix.normalize(value as string) === value &&
  !(value as string).endsWith("/") &&
  [directory, realName(directory)].some((parent) => (value as string).startsWith(`${parent}/`));
const areInside: Check = (value, directory) =>
  Array.isArray(value) && value.every((item) => isInside(item, directory));
const isBareName: Check = (value) =>
  isText(value, "") && /^[^/]+$/.test(value as string) && value !== "." && value !== "..";
const isIdentity: Check = (value) => {
  const identity = value as Partial<ProcessIdentity> | null;
  return (
    typeof identity === "object" &&
    identity !== null &&
    isCount(identity.pid, "") &&
    (identity.pid ?? 0) > 1 &&
    isCount(identity.startTime, "")
  );
};

const areNamespaces: Check = (value) => {
  const { boot, pid, net } = (value ?? {}) as Partial<Namespaces>;
  return isText(boot, "") && isCount(pid, "") && isCount(net, "");
};

/** /var/run is a link to /run on every current system. */
function realName(directory: string): string {
  return directory.replace(/^\/var\/run\//, "/run/");
}

const CHECKS: Record<keyof TunnelState, Check> = {
  pid: isPid,
  cmd: isTexts,
  files: areInside,
  mount_time: isTime,
  mountpoint: isText,
  service_type: isText,
  mountStateDir: isBareName,
  commonName: isText,
  region: (value) => typeof value === "string" && parseRegion(value) !== undefined,
  certificateCreationTime: (value) => typeof value === "string" && /^\d{12}Z$/.test(value),
  certificate: isInside,
  privateKey: isAbsolute,
  fsId: (value) => typeof value === "string" && parseFileSystemId(value) !== undefined,
  accessPoint: isText,
  awsCredentialsMethod: isText,
  unmount_time: isTime,
  unmount_count: isCount,
  last_stunnel_check_time: isTime,
  pidStartTime: isCount,
  keeper: isIdentity,
  helper: isIdentity,
  namespaces: areNamespaces,
  networkNamespace: isAbsolute,
  inheritsSocket: (value) => typeof value === "boolean",
};

/**
 * Reads a state file of `directory`. Keys that this version does not know are kept.
 *
 * @throws EfsError (system) where it is not one, naming the file and the key: a hostile or broken file must
 * never lead to a signal or a deletion elsewhere.
 */
export function parseState(text: string, name: string, directory: string): TunnelState {
  const bad = (why: string) =>
    new EfsError("system", `state file ${quoted(`${directory}/${name}`)} ${why}`, {
      hint: "it is left alone; remove it if no mount needs it",
    });
  if (text.length > LONGEST_STATE_FILE) throw bad("is too long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad(text.trim() === "" ? "is empty" : "is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("is not a JSON object");
  // other helpers write null where they have no value
  const given = Object.entries(value).filter(([, item]) => item !== null);
  const state: Record<string, unknown> = { pid: -1, cmd: [], files: [], ...Object.fromEntries(given) };
  for (const [key, check] of Object.entries(CHECKS)) {
    if (Object.hasOwn(state, key) && !check(state[key], directory)) throw bad(`has a wrong ${key}`);
  }
  return state as unknown as TunnelState;
}
