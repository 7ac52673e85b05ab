import { EfsError } from "../core/errors.ts";
import type { FileSystemId, Region } from "../core/ids.ts";
import { chooseMountTarget, isIn, type MountTarget, type WantedZone } from "../core/target/mount-target.ts";
import { NFS_PORT } from "../core/tunnel/stunnel-config.ts";
import { quietSdk } from "../system/aws-sdk.ts";
import { reason } from "../system/files.ts";
import type { Metadata } from "../system/metadata.ts";
import { isReachable } from "../system/network.ts";

export interface MountTargetSearch {
  readonly fsId: FileSystemId;
  readonly region: Region;
  /** The zone by name, where the user gave one. */
  readonly zone: string | undefined;
  readonly profile: string | undefined;
  readonly fips: boolean;
  readonly metadata: Metadata;
}

const CONNECT_LIMIT_MS = 3000;
const ANSWER_LIMIT_MS = 5000;
const REACH_TRIES = 3;
const REACH_LIMIT_MS = 2000;

/**
 * The address of a mount target that answers, by the EFS API, for a name that does not resolve.
 *
 * @throws EfsError (mount) saying which step failed and what can be done
 */
export async function findMountTargetAddress(search: MountTargetSearch): Promise<string> {
  quietSdk();
  const [targets, zone] = await Promise.all([describeMountTargets(search), wantedZone(search)]);
  const choice = chooseMountTarget(targets, await withZoneId(search, targets, zone));
  const { fsId, region } = search;
  switch (choice.kind) {
    case "no-targets":
      throw new EfsError("mount", `the file system ${fsId} has no mount target in ${region}`, {
        hint: "create one in this VPC (aws efs create-mount-target)",
      });
    case "none-in-zone":
      throw new EfsError(
        "mount",
        `${fsId} has no mount target in zone ${zone.name}, only in ${choice.zones.join(", ")}`,
        {
          hint: "create one there, or leave out the option az",
        },
      );
    case "none-available":
      throw new EfsError("mount", `no mount target of ${fsId} is available: ${choice.states.join(", ")}`, {
        hint: "wait until one is available, and try again",
      });
    case "chosen":
      return reachableAddress(choice.target, fsId);
  }
}

/** The first of a target's addresses that answers: a host may have one family only. */
async function reachableAddress({ id, addresses }: MountTarget, fsId: string): Promise<string> {
  for (let attempt = 1; attempt <= REACH_TRIES; attempt += 1) {
    for (const address of addresses) if (await isReachable(address, NFS_PORT, REACH_LIMIT_MS)) return address;
  }
  throw new EfsError(
    "mount",
    `the mount target ${id} of ${fsId} (${addresses.join(", ")}) does not accept connections on port ${NFS_PORT}`,
    {
      hint: "check that its security group lets this machine in, and that this machine is in its VPC or connected to it",
    },
  );
}

async function describeMountTargets(search: MountTargetSearch): Promise<MountTarget[]> {
  const { fsId } = search;
  const { DescribeMountTargetsCommand, EFSClient } = await import("../lazy/aws-efs.ts");
  const client = new EFSClient(clientSettings(search));
  try {
    const { MountTargets = [] } = await client.send(new DescribeMountTargetsCommand({ FileSystemId: fsId }));
    return MountTargets.map((target) => ({
      id: target.MountTargetId ?? "a mount target",
      addresses: [target.IpAddress, target.Ipv6Address].filter((address) => address !== undefined),
      isAvailable: target.LifeCycleState === "available",
      lifeCycleState: target.LifeCycleState ?? "in an unknown state",
      zoneName: target.AvailabilityZoneName,
      zoneId: target.AvailabilityZoneId,
    }));
  } catch (error) {
    throw apiFailure(error, "EFS", "elasticfilesystem:DescribeMountTargets", search);
  } finally {
    client.destroy();
  }
}

async function wantedZone({ zone, metadata }: MountTargetSearch): Promise<WantedZone> {
  if (zone !== undefined) return { name: zone, id: undefined, isRequired: true };
  const [name, id] = await Promise.all([metadata.zone(), metadata.zoneId()]);
  return { name, id, isRequired: false };
}

/** A zone that the user named, and that no target's zone is called: its id may be one that a target has. */
async function withZoneId(
  search: MountTargetSearch,
  targets: readonly MountTarget[],
  wanted: WantedZone,
): Promise<WantedZone> {
  if (!wanted.isRequired || wanted.name === undefined || targets.some((target) => isIn(target, wanted)))
    return wanted;
  const { DescribeAvailabilityZonesCommand, EC2Client } = await import("../lazy/aws-ec2.ts");
  const client = new EC2Client(clientSettings(search));
  try {
    const { AvailabilityZones = [] } = await client.send(
      new DescribeAvailabilityZonesCommand({ ZoneNames: [wanted.name] }),
    );
    return { ...wanted, id: AvailabilityZones[0]?.ZoneId };
  } catch (error) {
    throw apiFailure(error, "EC2", "ec2:DescribeAvailabilityZones", search);
  } finally {
    client.destroy();
  }
}

function clientSettings({ region, fips, profile }: MountTargetSearch) {
  return {
    region,
    useFipsEndpoint: fips,
    maxAttempts: 2,
    ...(profile === undefined ? {} : { profile }),
    requestHandler: { connectionTimeout: CONNECT_LIMIT_MS, requestTimeout: ANSWER_LIMIT_MS },
  };
}

/** What a failed call means for the user. */
function apiFailure(
  cause: unknown,
  service: string,
  permission: string,
  search: MountTargetSearch,
): EfsError {
  const { name = "", code = "" } = (cause ?? {}) as { name?: string; code?: string };
  const { fsId, region } = search;
  const fail = (message: string, hint: string) => new EfsError("mount", message, { hint, cause });
  if (/CredentialsProviderError|UnrecognizedClient|InvalidClientTokenId|ExpiredToken/.test(name)) {
    return fail(
      `the ${service} API cannot be asked for the mount target: ${reason(cause)}`,
      `give this machine credentials with the permission ${permission}, or name the address with mounttargetip=IP`,
    );
  }
  if (/AccessDenied|UnauthorizedOperation|NotAuthorized/i.test(name)) {
    return fail(
      `the ${service} API denies ${permission} to this machine's credentials`,
      `allow ${permission} in their IAM policy, or name the address with mounttargetip=IP`,
    );
  }
  if (name === "FileSystemNotFound") {
    return fail(`the file system ${fsId} does not exist in ${region}`, "check its id and region");
  }
  if (
    name === "TimeoutError" ||
    /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(`${code} ${name}`)
  ) {
    return fail(
      `the ${service} API in ${region} cannot be reached: ${reason(cause)}`,
      "check this machine's way to it: a route, a VPC endpoint or a proxy; or name the address with mounttargetip=IP",
    );
  }
  return fail(
    `the ${service} API failed: ${name} ${reason(cause)}`,
    "name the address with mounttargetip=IP",
  );
}
