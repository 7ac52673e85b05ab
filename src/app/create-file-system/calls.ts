import type { EFSClient } from "@aws-sdk/client-efs";
import type { CreatedAccessPoint, CreatedMountTarget } from "../../core/create-file-system/created.ts";
import type { CreationRequest } from "../../core/create-file-system/request.ts";
import { EfsError } from "../../core/errors.ts";
import { type ApiCaller, withinLimit } from "../aws/client.ts";
import { explainApiFailure, saidOf } from "../aws/failure.ts";

type Sdk = typeof import("../../lazy/aws-efs.ts");

/** For one call with all that a busy API costs. */
const CALL_LIMIT_MS = 60_000;

/** What the API refuses for reasons that are the request's or the account's, and what to do. */
const REFUSALS: Readonly<Record<string, string>> = {
  BadRequest: "correct the options",
  ValidationException: "correct the options",
  FileSystemLimitExceeded: "ask AWS for a higher quota of file systems, or delete some",
  ThroughputLimitExceeded: "ask AWS for a higher quota of throughput, or provision less",
  InsufficientThroughputCapacity: "provision less, or try again later",
  UnsupportedAvailabilityZone: "choose another zone, or leave out --availability-zone",
  AvailabilityZonesMismatch: "give a subnet of the file system's zone",
  SubnetNotFound: "check --subnet-id: it must be a subnet of this account and region",
  SecurityGroupNotFound: "check --security-group-id: it must be of the subnet's VPC",
  SecurityGroupLimitExceeded: "give fewer security groups",
  MountTargetConflict: "give one subnet a zone, all of one VPC",
  NoFreeAddressesInSubnet: "free an address in the subnet, or give another one",
  NetworkInterfaceLimitExceeded: "ask AWS for a higher quota of network interfaces",
  AccessPointLimitExceeded: "ask AWS for a higher quota of access points, or delete some",
};

/** The calls of the EFS API that make a file system and what belongs to it. Throw EfsError (system). */
export class CreationCalls {
  readonly #client: EFSClient;
  readonly #sdk: Sdk;
  readonly #caller: ApiCaller;

  constructor(client: EFSClient, sdk: Sdk, caller: ApiCaller) {
    this.#client = client;
    this.#sdk = sdk;
    this.#caller = caller;
  }

  /** The new file system's id, or that of the one that was made with the same token. */
  async fileSystem(request: CreationRequest, token: string): Promise<{ id: string; isNew: boolean }> {
    const { encrypted, kmsKeyId, tags, zone, backup } = request;
    const command = new this.#sdk.CreateFileSystemCommand({
      CreationToken: token,
      Encrypted: encrypted,
      KmsKeyId: kmsKeyId,
      PerformanceMode: request.performanceMode,
      ThroughputMode: request.throughputMode,
      ProvisionedThroughputInMibps: request.provisionedThroughput,
      AvailabilityZoneName: zone,
      Backup: backup,
      Tags: tags.map(({ key: Key, value: Value }) => ({ Key, Value })),
    });
    const made = this.#client.send(command).then(
      ({ FileSystemId: id }) => ({ id, isNew: true }),
      (error: unknown) => ({ id: idIn(error, "FileSystemAlreadyExists", "FileSystemId"), isNew: false }),
    );
    const { id, isNew } = await this.#explained(made, "CreateFileSystem", "a file system");
    return { id: this.#known(id), isNew };
  }

  async mountTargets(fsId: string): Promise<CreatedMountTarget[]> {
    const command = new this.#sdk.DescribeMountTargetsCommand({ FileSystemId: fsId });
    const sent = this.#client.send(command);
    const { MountTargets = [] } = await this.#explained(sent, "DescribeMountTargets", "mount targets");
    return MountTargets.map(mountTarget);
  }

  async mountTarget(
    fsId: string,
    subnet: string,
    securityGroups: readonly string[],
  ): Promise<CreatedMountTarget> {
    const command = new this.#sdk.CreateMountTargetCommand({
      FileSystemId: fsId,
      SubnetId: subnet,
      ...(securityGroups.length > 0 && { SecurityGroups: [...securityGroups] }),
    });
    const sent = this.#client.send(command);
    return mountTarget(await this.#explained(sent, "CreateMountTarget", `a mount target in ${subnet}`));
  }

  /** The new access point, or the one that was made with the same token. */
  async accessPoint(
    fsId: string,
    { path, user, owner }: NonNullable<CreationRequest["accessPoint"]>,
    token: string,
  ): Promise<CreatedAccessPoint> {
    const command = new this.#sdk.CreateAccessPointCommand({
      ClientToken: token,
      FileSystemId: fsId,
      ...(user !== undefined && {
        PosixUser: { Uid: user.uid, Gid: user.gid, SecondaryGids: [...user.others] },
      }),
      RootDirectory: {
        Path: path,
        ...(owner !== undefined && {
          CreationInfo: { OwnerUid: owner.uid, OwnerGid: owner.gid, Permissions: owner.mode },
        }),
      },
    });
    const made = this.#client.send(command).then(
      ({ AccessPointId: id, LifeCycleState: state }) => ({ id, state }),
      (error: unknown) => ({
        id: idIn(error, "AccessPointAlreadyExists", "AccessPointId"),
        state: undefined,
      }),
    );
    const { id, state = "creating" } = await this.#explained(made, "CreateAccessPoint", "an access point");
    return { id: this.#known(id), path, state };
  }

  async accessPointState(id: string): Promise<string | undefined> {
    const command = new this.#sdk.DescribeAccessPointsCommand({ AccessPointId: id });
    const sent = this.#client.send(command);
    const { AccessPoints } = await this.#explained(sent, "DescribeAccessPoints", "the access point");
    return AccessPoints?.[0]?.LifeCycleState;
  }

  #known(id: string | undefined): string {
    if (id !== undefined && /^fs(ap)?-[0-9a-f]+$/.test(id)) return id;
    throw new EfsError("system", "the EFS API does not tell the id of what it made", {
      hint: "check what answers for it (AWS_ENDPOINT_URL_EFS, a proxy)",
    });
  }

  async #explained<T>(answer: Promise<T>, action: string, purpose: string): Promise<T> {
    try {
      return await withinLimit(answer, CALL_LIMIT_MS);
    } catch (cause) {
      if (cause instanceof EfsError) throw cause;
      const { name = "" } = (cause ?? {}) as { name?: string };
      const remedy = REFUSALS[name];
      if (remedy !== undefined) {
        const message = `the EFS API refuses ${purpose}: ${name}: ${saidOf(cause)}`;
        throw new EfsError("system", message, { hint: remedy, cause });
      }
      const permission = `elasticfilesystem:${action}`;
      const call = { service: "EFS", permission, ...this.#caller, purpose };
      const { message, hint } = explainApiFailure(cause, call);
      throw new EfsError("system", message, { hint, cause });
    }
  }
}

/** The id of what is there already, by the error that says so; any other error is thrown on. */
function idIn(error: unknown, name: string, field: string): string | undefined {
  if (!(error instanceof Error) || error.name !== name) throw error;
  const id = (error as unknown as Record<string, unknown>)[field];
  return typeof id === "string" ? id : undefined;
}

function mountTarget(described: {
  MountTargetId?: string | undefined;
  SubnetId?: string | undefined;
  LifeCycleState?: string | undefined;
  IpAddress?: string | undefined;
  AvailabilityZoneName?: string | undefined;
}): CreatedMountTarget {
  const { MountTargetId = "", SubnetId = "", LifeCycleState = "creating", IpAddress } = described;
  const { AvailabilityZoneName } = described;
  return {
    id: MountTargetId,
    subnet: SubnetId,
    state: LifeCycleState,
    ...(IpAddress !== undefined && { address: IpAddress }),
    ...(AvailabilityZoneName !== undefined && { zone: AvailabilityZoneName }),
  };
}
