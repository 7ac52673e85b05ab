import { EfsError } from "../core/errors.ts";
import type { FileSystemId, Region } from "../core/ids.ts";
import { chooseMountTarget, isIn, type MountTarget, type WantedZone } from "../core/target/mount-target.ts";
import { NFS_PORT } from "../core/tunnel/stunnel-config.ts";
import { quietSdk } from "../system/aws-sdk.ts";
import type { Metadata } from "../system/metadata.ts";
import { isReachable } from "../system/network.ts";
import { saidOf } from "./aws-failure.ts";
import type { Reaches } from "./target.ts";

export interface MountTargetSearch {
  readonly fsId: FileSystemId;
  readonly region: Region;
  /** Where the user gave one: by name, or by id for a file system of another account. */
  readonly zone: { readonly name: string } | { readonly id: string } | undefined;
  readonly profile: string | undefined;
  readonly fips: boolean;
  readonly metadata: Metadata;
  /** Whether an address answers. */
  readonly reaches?: Reaches;
}

const CONNECT_LIMIT_MS = 3000;
const ANSWER_LIMIT_MS = 5000;
/** For one API with all that belongs to it: credentials, a second try, the end of its answer. */
const API_LIMIT_MS = 15_000;
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
  const { DescribeMountTargetsCommand, EFSClient } = await import("../lazy/aws-efs.ts");
  const client = new EFSClient(clientSettings(search));
  const command = new DescribeMountTargetsCommand({ FileSystemId: search.fsId });
  try {
    const { MountTargets = [] } = await withinLimit(client.send(command));
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
  const { DescribeAvailabilityZonesCommand, EC2Client } = await import("../lazy/aws-ec2.ts");
  const client = new EC2Client(clientSettings(search));
  const command = new DescribeAvailabilityZonesCommand({ ZoneNames: [name] });
  try {
    const { AvailabilityZones = [] } = await withinLimit(client.send(command));
    return { ...wanted, id: AvailabilityZones[0]?.ZoneId };
  } catch (error) {
    if (nameOf(error) === "InvalidParameterValue") return wanted;
    throw apiFailure(error, "EC2", "ec2:DescribeAvailabilityZones", search);
  } finally {
    client.destroy();
  }
}

/** An answer, if it comes in time: the SDK's own limits end where an answer begins. */
async function withinLimit<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error("it does not answer in time"), { name: "TimeoutError" });
    timer = setTimeout(() => reject(error), API_LIMIT_MS);
  });
  return Promise.race([answer, limit]).finally(() => clearTimeout(timer));
}

function clientSettings({ region, fips, profile }: MountTargetSearch) {
  return {
    region,
    useFipsEndpoint: fips,
    maxAttempts: 2,
    // its warnings would go to the terminal
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...(profile === undefined ? {} : { profile }),
    requestHandler: {
      connectionTimeout: CONNECT_LIMIT_MS,
      requestTimeout: ANSWER_LIMIT_MS,
      throwOnRequestTimeout: true,
    },
  };
}

const nameOf = (error: unknown) => (error as { name?: string } | undefined)?.name ?? "";

/** What a failed call means for the user. */
function apiFailure(
  cause: unknown,
  service: string,
  permission: string,
  { fsId, region, profile }: MountTargetSearch,
): EfsError {
  const { name = "", code = "" } = (cause ?? {}) as { name?: string; code?: string };
  const said = saidOf(cause);
  const OR_ADDRESS = "or name the address with mounttargetip=IP";
  const fail = (message: string, hint: string) => new EfsError("mount", message, { hint, cause });
  if (name === "FileSystemNotFound") {
    return fail(`the file system ${fsId} does not exist in ${region}`, "check its id and region");
  }
  if (name === "CredentialsProviderError") {
    const whose = profile === undefined ? "this machine" : `profile ${profile}`;
    return fail(
      `the ${service} API cannot be asked for the mount target, since ${whose} has no credentials: ${said}`,
      `give this machine credentials with the permission ${permission}, ${OR_ADDRESS}`,
    );
  }
  if (/AccessDenied|UnauthorizedOperation|NotAuthorized/i.test(name)) {
    return fail(
      `the ${service} API denies ${permission} to this machine's credentials`,
      `allow ${permission} in their IAM policy, ${OR_ADDRESS}`,
    );
  }
  if (
    /UnrecognizedClient|InvalidClientTokenId|ExpiredToken|RequestExpired|AuthFailure|Signature/.test(name)
  ) {
    return fail(
      `the ${service} API does not accept this machine's credentials: ${said}`,
      `correct or renew them, and check this machine's clock; ${OR_ADDRESS}`,
    );
  }
  if (/Throttl|TooManyRequests|RequestLimitExceeded/.test(name)) {
    return fail(
      `the ${service} API is asked too often in this account: ${said}`,
      `try again after a while, ${OR_ADDRESS}`,
    );
  }
  if (
    name === "TimeoutError" ||
    /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(`${code} ${name}`)
  ) {
    return fail(
      `the ${service} API in ${region} cannot be reached: ${said}`,
      `check this machine's way to it: a route, a VPC endpoint or a proxy; ${OR_ADDRESS}`,
    );
  }
  return fail(`the ${service} API failed: ${name} ${said}`, `try again, ${OR_ADDRESS}`);
}
