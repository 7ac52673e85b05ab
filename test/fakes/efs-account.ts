import { type Answer, type Call, JSON_TYPE, type Reply } from "./service.ts";

/** A file system as DescribeFileSystems tells of it. */
export interface DescribedFileSystem {
  readonly FileSystemId: string;
  readonly Encrypted?: boolean | undefined;
  readonly KmsKeyId?: unknown;
  readonly LifeCycleState?: string;
  readonly Name?: string | undefined;
  readonly [more: string]: unknown;
}

type Made = Record<string, unknown>;

const ACCOUNT = "111122223333";

/**
 * An account's file systems, mount targets and access points in all regions, as EFS's API (REST, in JSON) shows
 * and makes them. The region is the one that a call is signed for.
 */
export class EfsAccount {
  /** By region, in the order in which they are listed. */
  readonly regions = new Map<string, DescribedFileSystem[]>();
  readonly mountTargets: Made[] = [];
  readonly accessPoints: Made[] = [];
  /** What is made takes this many looks until it is available. */
  looks = 2;
  /** A page of DescribeFileSystems has as many as this. */
  pageSize = 100;
  /** Decides calls before the account does, by method and path without its query: for failures. */
  intercept: (call: { method: string; path: string; region: string; body: Made }) => Answer | undefined =
    () => undefined;
  readonly #looks = new Map<unknown, number>();
  #made = 0;

  add(region: string, ...fileSystems: DescribedFileSystem[]): void {
    this.regions.set(region, [...(this.regions.get(region) ?? []), ...fileSystems]);
  }

  answer({ method, path, headers, body }: Call): Answer {
    const url = new URL(path, "http://efs");
    const [, region] =
      /Credential=[^/]+\/\d{8}\/([^/]+)\/elasticfilesystem\//.exec(headers.authorization ?? "") ?? [];
    if (region === undefined)
      return efsError(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    const asked = body === "" ? {} : (JSON.parse(body) as Made);
    const intercepted = this.intercept({ method, path: url.pathname, region, body: asked });
    if (intercepted !== undefined) return intercepted;
    switch (`${method} ${url.pathname.replace(/^\/2015-02-01/, "")}`) {
      case "GET /file-systems":
        return this.#describe(region, url.searchParams);
      case "POST /file-systems":
        return this.#create(region, asked);
      case "GET /mount-targets":
        return this.#list("MountTargets", this.mountTargets, url.searchParams);
      case "POST /mount-targets":
        return this.#createMountTarget(region, asked);
      case "GET /access-points":
        return this.#list("AccessPoints", this.accessPoints, url.searchParams);
      case "POST /access-points":
        return this.#createAccessPoint(asked);
      default:
        return efsError(404, "UnknownOperationException");
    }
  }

  #describe(region: string, query: URLSearchParams): Answer {
    const all = this.regions.get(region) ?? [];
    const [id, token] = [query.get("FileSystemId"), query.get("CreationToken")];
    if (id !== null && !all.some(({ FileSystemId }) => FileSystemId === id))
      return efsError(404, "FileSystemNotFound", `File system '${id}' does not exist.`);
    const wanted = all.filter(
      (one) => (id === null || one.FileSystemId === id) && (token === null || one.CreationToken === token),
    );
    const from = Number(query.get("Marker") ?? 0);
    const size = Math.min(this.pageSize, Number(query.get("MaxItems") ?? this.pageSize));
    const rest = from + size < wanted.length ? { NextMarker: String(from + size) } : {};
    const page = wanted.slice(from, from + size).map((one) => this.#seen(one));
    return json({ FileSystems: page, ...rest });
  }

  /** As it is now: what is being made becomes available by being looked at. */
  #seen<T extends { LifeCycleState?: unknown }>(one: T): T {
    if (one.LifeCycleState !== "creating") return one;
    const looks = (this.#looks.get(one) ?? 0) + 1;
    this.#looks.set(one, looks);
    if (looks >= this.looks) one.LifeCycleState = "available";
    return { ...one };
  }

  #create(region: string, asked: Made): Answer {
    const known = (this.regions.get(region) ?? []).find(
      ({ CreationToken }) => CreationToken === asked.CreationToken,
    );
    if (known !== undefined) {
      return efsError(409, "FileSystemAlreadyExists", "File system already exists", {
        FileSystemId: known.FileSystemId,
      });
    }
    const id = this.#id("fs");
    const made = {
      OwnerId: ACCOUNT,
      CreationToken: asked.CreationToken,
      FileSystemId: id,
      FileSystemArn: `arn:aws:elasticfilesystem:${region}:${ACCOUNT}:file-system/${id}`,
      CreationTime: 1_700_000_000,
      LifeCycleState: "creating",
      NumberOfMountTargets: 0,
      SizeInBytes: { Value: 6144 },
      PerformanceMode: asked.PerformanceMode ?? "generalPurpose",
      ThroughputMode: asked.ThroughputMode ?? "bursting",
      ProvisionedThroughputInMibps: asked.ProvisionedThroughputInMibps,
      AvailabilityZoneName: asked.AvailabilityZoneName,
      Encrypted: asked.Encrypted === true,
      ...(asked.Encrypted === true && {
        KmsKeyId: asked.KmsKeyId ?? `arn:aws:kms:${region}:${ACCOUNT}:key/default`,
      }),
      Tags: asked.Tags ?? [],
      Name: ((asked.Tags ?? []) as { Key: string; Value: string }[]).find(({ Key }) => Key === "Name")?.Value,
    };
    this.add(region, made);
    return json(made, 201);
  }

  #createMountTarget(region: string, asked: Made): Answer {
    const problem = this.#notReady(asked);
    if (problem !== undefined) return problem;
    const of = this.mountTargets.filter(({ FileSystemId }) => FileSystemId === asked.FileSystemId);
    if (of.some(({ SubnetId }) => SubnetId === asked.SubnetId))
      return efsError(409, "MountTargetConflict", "mount target already exists in this AZ");
    const made = {
      OwnerId: ACCOUNT,
      MountTargetId: this.#id("fsmt"),
      FileSystemId: asked.FileSystemId,
      SubnetId: asked.SubnetId,
      LifeCycleState: "creating",
      IpAddress: `10.0.0.${of.length + 10}`,
      AvailabilityZoneName: `${region}${"abcdef"[of.length]}`,
      SecurityGroups: asked.SecurityGroups,
    };
    this.mountTargets.push(made);
    return json(made);
  }

  #createAccessPoint(asked: Made): Answer {
    const problem = this.#notReady(asked);
    if (problem !== undefined) return problem;
    const known = this.accessPoints.find(({ ClientToken }) => ClientToken === asked.ClientToken);
    if (known !== undefined) {
      return efsError(409, "AccessPointAlreadyExists", "access point already exists", {
        AccessPointId: known.AccessPointId,
      });
    }
    const { ClientToken, FileSystemId, PosixUser, RootDirectory, Tags } = asked;
    const AccessPointId = this.#id("fsap");
    const made = { ClientToken, AccessPointId, FileSystemId, PosixUser, RootDirectory, Tags };
    this.accessPoints.push({ ...made, LifeCycleState: "creating", OwnerId: ACCOUNT });
    return json(made);
  }

  #notReady({ FileSystemId: id }: Made): Answer | undefined {
    const known = [...this.regions.values()].flat().find(({ FileSystemId }) => FileSystemId === id);
    if (known === undefined)
      return efsError(404, "FileSystemNotFound", `File system '${id}' does not exist.`);
    if (known.LifeCycleState === "available") return undefined;
    return efsError(409, "IncorrectFileSystemLifeCycleState", "the file system is not available");
  }

  #list(name: "MountTargets" | "AccessPoints", all: Made[], query: URLSearchParams): Answer {
    const [fsId, one] = [query.get("FileSystemId"), query.get(`${name.slice(0, -1)}Id`)];
    const wanted = all.filter(
      (made) =>
        (fsId === null || made.FileSystemId === fsId) &&
        (one === null || made[`${name.slice(0, -1)}Id`] === one),
    );
    return json({ [name]: wanted.map((made) => this.#seen(made)) });
  }

  /** Ids are of 17 hexadecimal digits. */
  #id(prefix: string): string {
    this.#made += 1;
    return `${prefix}-0${this.#made.toString(16).padStart(16, "a")}`;
  }
}

function json(body: unknown, status = 200): Reply {
  return { status, headers: JSON_TYPE, body: JSON.stringify(body) };
}

/** EFS's way to say no. */
export function efsError(status: number, code: string, message = "no", more: object = {}): Reply {
  return {
    status,
    headers: { ...JSON_TYPE, "x-amzn-errortype": code },
    body: JSON.stringify({ ErrorCode: code, Message: message, ...more }),
  };
}
