import { isIP } from "node:net";
import type { Settings } from "../../core/config/keys.ts";
import { EfsError } from "../../core/errors.ts";
import { parseRegion, type Region } from "../../core/ids.ts";
import {
  certificateName,
  configuredRegion,
  dnsName,
  dnsSuffix,
  legacyRegion,
  type NamedRegion,
  type ResolvedTarget,
} from "../../core/location/target.ts";
import { type EfsHostName, parseEfsHostName } from "../../core/request/device.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { quoted } from "../../core/text.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import type { Environment } from "../../paths.ts";
import type { Metadata } from "../../system/metadata.ts";
import type { Reaches } from "../../system/network.ts";
import type { HostAnswer } from "../../system/resolver.ts";
import { apiCaller } from "../aws/caller.ts";
import type { TunnelNetwork } from "../tunnel/network.ts";

/** What is known before the region is: the settings of [mount] alone, and those with a region's section. */
export interface TargetContext {
  readonly environment: Environment;
  readonly settings: Settings;
  readonly settingsFor: (region: Region) => Settings;
  readonly metadata: Metadata;
  /** Tells whoever watches what was found. */
  step(what: string): void;
}

/** Where a file system is looked for. */
export interface TargetPlace {
  /** That of the tunnel. */
  readonly network: Pick<TunnelNetwork, "resolve" | "reaches">;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** The system's resolver gives up after 5 s a server and try; this is the end of all of it. */
const RESOLVE_LIMIT_MS = 20_000;
const REACH_TRIES = 3;
const REACH_LIMIT_MS = 2000;

/**
 * Finds out where the file system is.
 *
 * @throws EfsError (config) where the region is unknown or the device's name is not what the configuration
 * builds, (mount) where the name does not resolve or the given address does not answer
 */
export async function resolveTarget(
  request: MountRequest,
  context: TargetContext,
  place: TargetPlace,
): Promise<ResolvedTarget> {
  const { network, signal } = place;
  const reaches = network.reaches.bind(network);
  const named = request.device.kind === "name" ? await efsHostName(request.device.host, place) : undefined;
  const { region, source } = await findRegion(request, context, named);
  context.step(`the region is ${region}, by ${source}`);
  const settings = context.settingsFor(region);
  const fsId = request.device.kind === "id" ? request.device.fsId : named?.fsId;
  if (fsId === undefined) throw new Error("a device is an id or a name");
  const parts = {
    fsId,
    region,
    zone: await findZone(request, context, named),
    suffix: dnsSuffix(settings, region),
  };
  const name = dnsName(settings.dns_name_format, parts);
  if (named !== undefined && named.host !== name) {
    throw new EfsError(
      "config",
      `the device ${quoted(named.host)} is not the file system's name here, which is ${name}`,
      { hint: "name the region with -o region=NAME and the zone with -o az=NAME, or mount by the id" },
    );
  }
  const target = {
    fsId,
    region,
    dnsName: name,
    certificateName: certificateName(settings.dns_name_format, parts),
    address: request.mountTargetIp,
  };
  if (target.address !== undefined) {
    await requireAnswer(target.address, reaches);
    return { ...target, isAddressGiven: true };
  }
  const known = await network.resolve(name, RESOLVE_LIMIT_MS, signal);
  const { addresses } = known;
  if (addresses.length > 0) {
    context.step(`${name} in ${region} resolves to ${addresses.join(", ")}`);
    const other = await otherFamily(addresses, reaches);
    return { ...target, address: other ?? (known.isNameKnown ? undefined : addresses[0]), addresses };
  }
  const unknown = `the name ${name} ${doesNotResolve(known)}`;
  if (!settings.fall_back_to_mount_target_ip_address_enabled) throw unresolved(unknown, target);
  const address = await fallBack(request, target, parts.zone, { ...context, reaches, unknown });
  context.step(`${name} ${doesNotResolve(known)}; a mount target of ${fsId} is at ${address}`);
  return { ...target, address };
}

/** The EFS name that a host name is, or leads to by CNAME or as an alias in /etc/hosts. */
async function efsHostName(
  host: string,
  { network, signal }: TargetPlace,
): Promise<EfsHostName & { host: string }> {
  const direct = parseEfsHostName(host);
  if (direct !== undefined) return { ...direct, host: plain(host) };
  const known = await network.resolve(host, RESOLVE_LIMIT_MS, signal);
  const canonical = known.canonicalName;
  const parsed = canonical === undefined ? undefined : parseEfsHostName(canonical);
  if (canonical !== undefined && parsed !== undefined) return { ...parsed, host: plain(canonical) };
  const why =
    canonical === undefined ? doesNotResolve(known) : `leads to ${quoted(canonical)}, which is no EFS name`;
  throw new EfsError("mount", `the device ${quoted(host)} ${why}`, {
    hint: "mount by the file system's id, as in fs-12345678:/, or let the name lead to the file system's DNS name",
  });
}

const plain = (host: string) => host.replace(/\.$/, "");

function doesNotResolve({ isLate }: HostAnswer): string {
  const why = `: the name servers gave no answer within ${RESOLVE_LIMIT_MS / 1000} s`;
  return `does not resolve${isLate ? why : ""}`;
}

/**
 * The region of a file system, and where it is named.
 *
 * @param named the parts of the device's name, where it has one
 * @throws EfsError (config) where it is not known, or what names it is wrong
 */
export async function findRegion(
  request: Pick<MountRequest, "region">,
  context: Pick<TargetContext, "settings" | "environment" | "metadata">,
  named: Pick<EfsHostName, "region"> | undefined,
): Promise<NamedRegion> {
  const { settings, environment } = context;
  const known = configuredRegion(request.region, environment, settings.region);
  if (known !== undefined) return known;
  const reported = parseRegion((await context.metadata.region()) ?? "");
  if (reported !== undefined)
    return { region: reported, source: `the instance metadata service at ${context.metadata.host}` };
  const legacy = legacyRegion(settings.dns_name_format);
  if (legacy !== undefined) return { region: legacy, source: "dns_name_format in [mount]" };
  if (named !== undefined) return { region: named.region, source: "the device's name" };
  throw new EfsError("config", "the region of the file system is not known", {
    hint: "mount with -o region=NAME, or set region in [mount] of efs-utils.conf or AWS_REGION; on EC2, allow the instance metadata service",
  });
}

async function findZone(
  request: MountRequest,
  context: TargetContext,
  named: EfsHostName | undefined,
): Promise<string | undefined> {
  if (request.crossAccount !== undefined) {
    const zoneId =
      request.crossAccount.zoneId ??
      context.settings.az_id ??
      (await context.metadata.zoneId()) ??
      named?.zone;
    if (zoneId !== undefined && /^[a-z0-9-]{1,63}$/.test(zoneId)) return zoneId;
    throw new EfsError(
      "config",
      "crossaccount needs the id of this machine's availability zone, which is not known",
      {
        hint: "mount with -o azid=ID, or set az_id in [mount] of efs-utils.conf",
      },
    );
  }
  if (named?.zone !== undefined && request.zone !== undefined && named.zone !== request.zone) {
    throw new EfsError(
      "usage",
      `the device names the zone ${named.zone}, but the option az=${request.zone}`,
      {
        hint: "leave out the option az",
      },
    );
  }
  return request.zone ?? named?.zone;
}

function unresolved(unknown: string, { fsId }: ResolvedTarget): EfsError {
  return new EfsError("mount", unknown, {
    hint: `check that ${fsId} exists in that region and has a mount target in this VPC and zone, and that the VPC resolves DNS names; or name an address with -o mounttargetip=IP`,
  });
}

/**
 * The address to use instead of a name: the first that answers, where the name has addresses of both families
 * and the first of all does not. A host with IPv6 alone, or with DNS64, would wait long for it.
 */
async function otherFamily(addresses: readonly string[], reaches: Reaches): Promise<string | undefined> {
  if (new Set(addresses.map(isIP)).size < 2) return undefined;
  for (const address of addresses) {
    if (await reaches(address, NFS_PORT, REACH_LIMIT_MS))
      return address === addresses[0] ? undefined : address;
  }
  return undefined;
}

/** The address of a mount target, for a name that does not resolve; what that takes is loaded now. */
async function fallBack(
  request: MountRequest,
  target: ResolvedTarget,
  zone: string | undefined,
  context: TargetContext & { readonly reaches: Reaches; readonly unknown: string },
): Promise<string> {
  const { fsId, region } = target;
  const { findMountTargetAddress } = await import("../aws/mount-targets.ts");
  const { metadata, reaches, unknown } = context;
  try {
    return await findMountTargetAddress({
      ...apiCaller(request, region, context.settingsFor(region), context),
      fsId,
      zone:
        zone === undefined ? undefined : request.crossAccount === undefined ? { name: zone } : { id: zone },
      metadata,
      reaches,
    });
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    throw error.reworded(`${unknown}, and ${error.message}`);
  }
}

async function requireAnswer(address: string, reaches: Reaches): Promise<void> {
  for (let attempt = 1; attempt <= REACH_TRIES; attempt += 1) {
    if (await reaches(address, NFS_PORT, REACH_LIMIT_MS)) return;
  }
  throw new EfsError("mount", `the mount target ${address} does not accept connections on port ${NFS_PORT}`, {
    hint: "check the address, and that the mount target's security group lets this machine in",
  });
}
