import { EfsError } from "../errors.ts";
import { hasControlCharacter, quoted } from "../text.ts";

/** What the user writes, option by option. */
export interface CreationOptions {
  readonly name?: string;
  readonly unencrypted?: boolean;
  readonly kmsKeyId?: string;
  readonly performanceMode?: string;
  readonly throughputMode?: string;
  readonly provisionedThroughput?: string;
  readonly availabilityZone?: string;
  readonly backup?: boolean;
  readonly tag?: readonly string[];
  readonly clientToken?: string;
  readonly subnetId?: readonly string[];
  readonly securityGroupId?: readonly string[];
  readonly accessPointPath?: string;
  readonly accessPointUser?: string;
  readonly accessPointOwner?: string;
}

/** A file system that is to be made, checked. */
export interface CreationRequest {
  /** Tells a repeated request from a new one; undefined makes one. */
  readonly token: string | undefined;
  readonly encrypted: boolean;
  /** A key's id, ARN or alias; undefined leaves it to AWS's key for EFS. */
  readonly kmsKeyId: string | undefined;
  readonly performanceMode: PerformanceMode | undefined;
  readonly throughputMode: ThroughputMode | undefined;
  /** In MiB/s. */
  readonly provisionedThroughput: number | undefined;
  readonly zone: string | undefined;
  readonly backup: boolean | undefined;
  readonly tags: readonly Tag[];
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly accessPoint: AccessPointRequest | undefined;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface AccessPointRequest {
  readonly path: string;
  /** Whom clients act as. */
  readonly user:
    | { readonly uid: number; readonly gid: number; readonly others: readonly number[] }
    | undefined;
  /** Whose the directory is, where it has to be made. */
  readonly owner: { readonly uid: number; readonly gid: number; readonly mode: string } | undefined;
}

/** As the EFS API names them (CreateFileSystem). */
export const PERFORMANCE_MODES = ["generalPurpose", "maxIO"] as const;
export const THROUGHPUT_MODES = ["bursting", "provisioned", "elastic"] as const;
export type PerformanceMode = (typeof PERFORMANCE_MODES)[number];
export type ThroughputMode = (typeof THROUGHPUT_MODES)[number];

/** Limits of the EFS API (CreateFileSystem, CreateMountTarget, CreateAccessPoint). */
const MOST = {
  tags: 50,
  tagKey: 128,
  tagValue: 256,
  token: 64,
  securityGroups: 5,
  path: 100,
  depth: 4,
  groups: 16,
};
const HIGHEST_ID = 2 ** 32 - 1;

const usage = (message: string, hint: string) => new EfsError("usage", message, { hint });

/**
 * Reads what is to be made.
 *
 * @throws EfsError (usage) naming the option and what it must be
 */
export function creationRequest(options: CreationOptions): CreationRequest {
  for (const [broken, message, hint] of RULES) if (broken(options)) throw usage(message, hint);
  const { unencrypted = false, provisionedThroughput, backup } = options;
  return {
    token: checked("--client-token", options.clientToken, token),
    encrypted: !unencrypted,
    kmsKeyId: checked("--kms-key-id", options.kmsKeyId, keyId),
    performanceMode: checked("--performance-mode", options.performanceMode, oneOf(PERFORMANCE_MODES)),
    throughputMode: checked("--throughput-mode", options.throughputMode, oneOf(THROUGHPUT_MODES)),
    provisionedThroughput: checked("--provisioned-throughput", provisionedThroughput, mibps),
    zone: checked("--availability-zone", options.availabilityZone, zone),
    backup,
    tags: tags(options),
    subnets: all("--subnet-id", options.subnetId, id("subnet")),
    securityGroups: all("--security-group-id", options.securityGroupId, id("sg")),
    accessPoint: accessPoint(options),
  };
}

type Rule = [broken: (options: CreationOptions) => boolean, message: string, hint: string];

const RULES: readonly Rule[] = [
  [
    ({ unencrypted, kmsKeyId }) => unencrypted === true && kmsKeyId !== undefined,
    "--unencrypted and --kms-key-id exclude each other",
    "keep one of them",
  ],
  [
    ({ throughputMode, provisionedThroughput }) =>
      (throughputMode === "provisioned") !== (provisionedThroughput !== undefined),
    "--throughput-mode provisioned and --provisioned-throughput belong together",
    "give both",
  ],
  [
    ({ performanceMode, throughputMode, availabilityZone }) =>
      performanceMode === "maxIO" && (throughputMode === "elastic" || availabilityZone !== undefined),
    "--performance-mode maxIO is not for elastic throughput or a single zone",
    "leave it out: generalPurpose is faster for most",
  ],
  [
    ({ securityGroupId = [], subnetId = [] }) => securityGroupId.length > 0 && subnetId.length === 0,
    "--security-group-id is for mount targets, and there are none",
    "name their subnets with --subnet-id",
  ],
  [
    ({ availabilityZone, subnetId = [] }) => availabilityZone !== undefined && subnetId.length > 1,
    "a file system in a single zone has one mount target at most",
    "give one --subnet-id, of that zone",
  ],
  [
    ({ securityGroupId = [] }) => securityGroupId.length > MOST.securityGroups,
    `a mount target has no more than ${MOST.securityGroups} security groups`,
    "leave some out",
  ],
  [
    ({ name, tag = [] }) => name !== undefined && tag.some((one) => one.startsWith("Name=")),
    "--name and --tag Name=... say the same",
    "keep one of them",
  ],
  [
    ({ accessPointPath, accessPointOwner }) =>
      accessPointOwner !== undefined && (accessPointPath ?? "/") === "/",
    "--access-point-owner is for a directory that has to be made, and / is there",
    "name the directory with --access-point-path",
  ],
];

type Read<T> = { readonly read: (text: string) => T | undefined; readonly expected: string };

function checked<T>(option: string, text: string | undefined, { read, expected }: Read<T>): T | undefined {
  if (text === undefined) return undefined;
  const value = read(text);
  if (value !== undefined) return value;
  throw usage(`${option} ${quoted(text)} is not valid`, `it must be ${expected}`);
}

function all<T>(option: string, texts: readonly string[] = [], reading: Read<T>): T[] {
  return [...new Set(texts)].map((text) => checked(option, text, reading) as T);
}

const token: Read<string> = {
  read: (text) => (/^[\x21-\x7e]+$/.test(text) && text.length <= MOST.token ? text : undefined),
  expected: `1 to ${MOST.token} letters, digits and signs`,
};

const keyId: Read<string> = {
  read: (text) => (/^[\w+=,.@:/-]{1,2048}$/.test(text) ? text : undefined),
  expected: "a key's id, its ARN, or an alias as alias/NAME",
};

const mibps: Read<number> = {
  read: (text) => (/^\d{1,6}(\.\d{1,3})?$/.test(text) && Number(text) >= 1 ? Number(text) : undefined),
  expected: "MiB/s, 1 or more",
};

const zone: Read<string> = {
  read: (text) => (/^[a-z0-9-]{1,63}$/.test(text) ? text : undefined),
  expected: "a zone's name, as us-east-1a",
};

const oneOf = <T extends string>(values: readonly T[]): Read<T> => ({
  read: (text) => values.find((value) => value === text),
  expected: values.join(", "),
});

const id = (kind: string): Read<string> => ({
  read: (text) => (new RegExp(`^${kind}-[0-9a-f]{1,40}$`).test(text) ? text : undefined),
  expected: `an id, as ${kind}-0123456789abcdef0`,
});

function tags({ name, tag = [] }: CreationOptions): Tag[] {
  const named = name === undefined ? [] : [`Name=${name}`];
  const read = all("--tag", [...named, ...tag], {
    read: (text) => {
      const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      const fits = key !== "" && key.length <= MOST.tagKey && value.length <= MOST.tagValue;
      return fits && !/^aws:/i.test(key) && !hasControlCharacter(text) ? { key, value } : undefined;
    },
    expected: `KEY=VALUE, with no more than ${MOST.tagKey} and ${MOST.tagValue} characters, and not of aws:`,
  });
  const twice = read.find(({ key }, index) => read.findIndex((other) => other.key === key) !== index);
  if (twice !== undefined) throw usage(`--tag ${twice.key} stands there twice`, "keep one of them");
  if (read.length > MOST.tags) throw usage(`there are more than ${MOST.tags} tags`, "leave some out");
  return read;
}

function accessPoint(options: CreationOptions): AccessPointRequest | undefined {
  const { accessPointPath, accessPointUser, accessPointOwner } = options;
  if ([accessPointPath, accessPointUser, accessPointOwner].every((one) => one === undefined))
    return undefined;
  return {
    path: checked("--access-point-path", accessPointPath, path) ?? "/",
    user: checked("--access-point-user", accessPointUser, user),
    owner: checked("--access-point-owner", accessPointOwner, owner),
  };
}

const path: Read<string> = {
  read: (text) => {
    const parts = text.split("/").slice(1);
    const isPlain = text === "/" || parts.every((part) => part !== "" && part !== "." && part !== "..");
    const fits = text.length <= MOST.path && parts.length <= MOST.depth && !hasControlCharacter(text);
    return text.startsWith("/") && isPlain && fits ? text : undefined;
  },
  expected: `an absolute path of no more than ${MOST.depth} directories and ${MOST.path} characters`,
};

/** A numeric user or group id. */
const posixId = (text: string) =>
  /^\d{1,10}$/.test(text) && Number(text) <= HIGHEST_ID ? Number(text) : undefined;

const user: Read<NonNullable<AccessPointRequest["user"]>> = {
  read: (text) => {
    const ids = text.split(":").map(posixId);
    const [uid, gid, ...others] = ids;
    if (uid === undefined || gid === undefined || ids.includes(undefined)) return undefined;
    return others.length <= MOST.groups ? { uid, gid, others: others as number[] } : undefined;
  },
  expected: `UID:GID, and behind them up to ${MOST.groups} more :GID`,
};

const owner: Read<NonNullable<AccessPointRequest["owner"]>> = {
  read: (text) => {
    const [, uidText = "", gidText = "", mode = ""] = /^(\d+):(\d+):(0?[0-7]{3})$/.exec(text) ?? [];
    const [uid, gid] = [posixId(uidText), posixId(gidText)];
    return uid === undefined || gid === undefined || mode === "" ? undefined : { uid, gid, mode };
  },
  expected: "UID:GID:MODE, as 1000:1000:750",
};
