import { isIPv6 } from "node:net";
import type { Settings } from "../config/keys.ts";
import { EfsError } from "../errors.ts";
import { type FileSystemId, parseRegion, type Region } from "../ids.ts";
import { quoted } from "../text.ts";
import { awsSuffix, SPECIAL_PARTITIONS } from "./partitions.ts";

/** Where a file system is: its names and, where the name is not used, its address. */
export interface ResolvedTarget {
  readonly fsId: FileSystemId;
  readonly region: Region;
  /** What the tunnel or the NFS client connects to by name. */
  readonly dnsName: string;
  /** What the server's certificate must be for: the name without its zone. */
  readonly certificateName: string;
  /** An address that is used instead of the name. */
  readonly address: string | undefined;
  /** Whether the user gave the address (mounttargetip), so that it was not found for the name. */
  readonly isAddressGiven?: boolean;
  /** What the name resolved to, as far as it was looked up. */
  readonly addresses?: readonly string[];
}

/** The server as messages name it: by its name, and the addresses that are known of it. */
export function describeServer({ dnsName: name, address, addresses = [] }: ResolvedTarget): string {
  const known = address === undefined ? addresses : [address];
  return known.length === 0 ? name : `${name} (${known.join(", ")})`;
}

export interface NameParts {
  readonly fsId: FileSystemId;
  readonly region: Region;
  /** Zone name, or zone id with `crossaccount`. */
  readonly zone: string | undefined;
  readonly suffix: string;
}

const PLACEHOLDERS = ["az", "fs_id", "region", "dns_name_suffix"];

/**
 * The file system's DNS name by the configured format; `{az}.` drops out where no zone is known.
 *
 * @throws EfsError (config) for a format without the id, with an unknown placeholder, or with a zone inside
 * where none is known.
 */
export function dnsName(format: string, { fsId, region, zone, suffix }: NameParts): string {
  const wrong = (why: string) =>
    new EfsError("config", `dns_name_format ${quoted(format)} ${why}`, {
      hint: `set dns_name_format in [mount] to a format of ${PLACEHOLDERS.map((name) => `{${name}}`).join(", ")}`,
    });
  const unknown = [...format.matchAll(/\{([^{}]*)\}/g)].find(([, name = ""]) => !PLACEHOLDERS.includes(name));
  if (unknown !== undefined) throw wrong(`has the unknown placeholder ${quoted(unknown[0])}`);
  if (!format.includes("{fs_id}")) throw wrong("lacks {fs_id}");
  const zoned = zone === undefined ? withoutZone(format) : format.replaceAll("{az}", zone);
  if (zoned.includes("{az}")) throw wrong("needs a zone: mount with -o az=NAME");
  const name = zoned
    .replaceAll("{fs_id}", fsId)
    .replaceAll("{region}", region)
    .replaceAll("{dns_name_suffix}", suffix);
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) || name.length > 253) {
    throw new EfsError("config", `the file system's name ${quoted(name)} is no host name`, {
      hint: "correct dns_name_format and dns_name_suffix in [mount]",
    });
  }
  return name;
}

/** The name that the server's certificate must carry: without the zone that stands in front. */
export function certificateName(format: string, parts: NameParts): string {
  return dnsName(withoutZone(format), parts);
}

function withoutZone(format: string): string {
  return format.replace(/^\{az\}\./, "");
}

/** The region that an old dns_name_format spells out instead of `{region}`. */
export function legacyRegion(format: string): Region | undefined {
  if (format.includes("{region}")) return undefined;
  return format
    .split(".")
    .map((part) => parseRegion(part))
    .find((region) => region !== undefined && /^[a-z]+(-[a-z]+)+-[0-9]+$/.test(region));
}

/**
 * The DNS suffix of a region: the region's own section, else a suffix of the administrator's own, else what
 * AWS uses in that region.
 */
export function dnsSuffix(settings: Settings, region: Region): string {
  const configured = settings.dns_name_suffix;
  const special = SPECIAL_PARTITIONS[region];
  if (configured !== undefined && (configured !== "amazonaws.com" || special === undefined))
    return configured;
  return awsSuffix(region);
}

/** Whether the system's own authorities vouch for EFS in a region, rather than the bundle that is installed. */
export function usesSystemAuthorities(region: Region): boolean {
  return SPECIAL_PARTITIONS[region]?.systemAuthorities ?? false;
}

/** Host and port as stunnel and mount.nfs4 write them. */
export function hostForNfs(target: ResolvedTarget): string {
  const { address, dnsName: name } = target;
  return address === undefined ? name : isIPv6(address) ? `[${address}]` : address;
}

/** A region, and where it is named, in a reader's words. */
export interface NamedRegion {
  readonly region: Region;
  readonly source: string;
}

/** The region by name: option, environment, configuration; undefined leaves it to the instance. */
export function configuredRegion(
  option: Region | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  configured: string | undefined,
): NamedRegion | undefined {
  if (option !== undefined) return { region: option, source: "the option region" };
  const sources = [
    ["the environment variable AWS_REGION", environment.AWS_REGION],
    ["the environment variable AWS_DEFAULT_REGION", environment.AWS_DEFAULT_REGION],
    ["region in [mount]", configured],
  ] as const;
  for (const [source, text] of sources) {
    if (text === undefined || text === "") continue;
    const region = parseRegion(text);
    if (region === undefined) {
      throw new EfsError("config", `${source} is ${quoted(text)}, which is no region`, {
        hint: "correct it, or name the region with -o region=NAME",
      });
    }
    return { region, source };
  }
  return undefined;
}
