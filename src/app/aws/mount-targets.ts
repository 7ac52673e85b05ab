import { EfsError } from "../../core/errors.ts";
import type { FileSystemId } from "../../core/ids.ts";
import {
  chooseMountTarget,
  isIn,
  type MountTarget,
  mountTargetsIn,
  type WantedZone,
  zoneIdIn,
} from "../../core/location/mount-target.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import type { Metadata } from "../../system/metadata.ts";
import type { Reaches } from "../../system/network.ts";
import { isReachable } from "../../system/network.ts";
import { type ApiCaller, clientSettings, withinLimit } from "./client.ts";
import { explainApiFailure } from "./failure.ts";

export interface MountTargetSearch extends ApiCaller {
  readonly fsId: FileSystemId;
  /** Where the user gave one: by name, or by id for a file system of another account. */
  readonly zone: { readonly name: string } | { readonly id: string } | undefined;
  readonly metadata: Metadata;
  /** Whether an address answers. */
  readonly reaches?: Reaches;
}

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
        `${fsId} has no mount target in zone ${zone.name ?? zone.id}, only in ${choice.zones.join(", ")}`,
        {
          hint: "create one there, or mount without naming a zone (the option az)",
        },
      );
    case "none-available":
      throw new EfsError("mount", `no mount target of ${fsId} is available: ${choice.states.join(", ")}`, {
        hint: "wait until one is available, and try again",
      });
    case "chosen":
      return reachableAddress(choice.target, search);
  }
}

/** The first of a target's addresses that answers: a host may have one family only. */
async function reachableAddress(
  { id, addresses }: MountTarget,
  { fsId, reaches = isReachable }: MountTargetSearch,
): Promise<string> {
  if (addresses.length === 0)
    throw new EfsError("mount", `the EFS API names no IP address of the mount target ${id} of ${fsId}`, {
      hint: "name the address with mounttargetip=IP",
    });
  for (let attempt = 1; attempt <= REACH_TRIES; attempt += 1) {
    for (const address of addresses) if (await reaches(address, NFS_PORT, REACH_LIMIT_MS)) return address;
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
  const { DescribeMountTargetsCommand, EFSClient } = await import("../../lazy/aws-efs.ts");
  const client = new EFSClient(clientSettings(search));
  const command = new DescribeMountTargetsCommand({ FileSystemId: search.fsId });
  try {
    return mountTargetsIn(await withinLimit(client.send(command)));
  } catch (error) {
    throw apiFailure(error, "EFS", "elasticfilesystem:DescribeMountTargets", search);
  } finally {
    client.destroy();
  }
}

async function wantedZone({ zone, metadata }: MountTargetSearch): Promise<WantedZone> {
  if (zone !== undefined) return { name: undefined, id: undefined, ...zone, isRequired: true };
  const [name, id] = await Promise.all([metadata.zone(), metadata.zoneId()]);
  return { name, id, isRequired: false };
}

/** A zone that the user named, with its id, where that is all that a target tells of its own. */
async function withZoneId(
  search: MountTargetSearch,
  targets: readonly MountTarget[],
  wanted: WantedZone,
): Promise<WantedZone> {
  const { name, isRequired } = wanted;
  if (!isRequired || name === undefined || targets.some((target) => isIn(target, wanted))) return wanted;
  if (targets.every(({ zoneName }) => zoneName !== undefined)) return wanted;
  const { DescribeAvailabilityZonesCommand, EC2Client } = await import("../../lazy/aws-ec2.ts");
  const client = new EC2Client(clientSettings(search));
  const command = new DescribeAvailabilityZonesCommand({ ZoneNames: [name] });
  try {
    return { ...wanted, id: zoneIdIn(await withinLimit(client.send(command))) };
  } catch (error) {
    if (nameOf(error) === "InvalidParameterValue") return wanted;
    throw apiFailure(error, "EC2", "ec2:DescribeAvailabilityZones", search);
  } finally {
    client.destroy();
  }
}

const nameOf = (error: unknown) => (error as { name?: string } | undefined)?.name ?? "";

/** What a failed call means for the user. */
function apiFailure(
  cause: unknown,
  service: string,
  permission: string,
  { fsId, region, profile }: MountTargetSearch,
): EfsError {
  // of the credentials that were looked for here
  if (cause instanceof EfsError) return cause;
  if (nameOf(cause) === "FileSystemNotFound") {
    const message = `the file system ${fsId} does not exist in ${region}`;
    return new EfsError("mount", message, { hint: "check its id and region", cause });
  }
  const purpose = "the mount target";
  const { message, hint } = explainApiFailure(cause, { service, permission, region, profile, purpose });
  return new EfsError("mount", message, {
    hint: `${hint}, or name the address with mounttargetip=IP`,
    cause,
  });
}
