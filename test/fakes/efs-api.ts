import type { Test } from "../app/authority.ts";
import { type Answer, type Reply, type Service, service } from "./service.ts";

/** A mount target as DescribeMountTargets tells of it. */
export interface DescribedTarget {
  readonly MountTargetId: string;
  readonly IpAddress?: string;
  readonly Ipv6Address?: string;
  readonly LifeCycleState: string;
  readonly AvailabilityZoneName?: string;
  readonly AvailabilityZoneId?: string;
}

/** EFS's API (REST, in JSON), which knows file systems by id; one may be treated otherwise. */
export function efsApi(
  test: Test,
  fileSystems: ReadonlyMap<string, readonly DescribedTarget[] | Answer>,
): Promise<Service> {
  return service(test, ({ method, path, headers }) => {
    const url = new URL(path, "http://efs");
    if (method !== "GET" || url.pathname !== "/2015-02-01/mount-targets")
      return efsError(404, "UnknownOperationException");
    if (!/Credential=[^/]+\/\d{8}\/[^/]+\/elasticfilesystem\//.test(headers.authorization ?? ""))
      return efsError(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    const id = url.searchParams.get("FileSystemId") ?? "";
    const known = fileSystems.get(id);
    if (known === undefined)
      return efsError(404, "FileSystemNotFound", `File system '${id}' does not exist.`);
    if (!Array.isArray(known)) return known as Answer;
    const targets = known.map((target) => ({ FileSystemId: id, SubnetId: "subnet-1", ...target }));
    return { headers: JSON_TYPE, body: JSON.stringify({ MountTargets: targets }) };
  });
}

const JSON_TYPE = { "content-type": "application/json" };

/** EFS's way to say no. */
export function efsError(status: number, code: string, message = "no"): Reply {
  return {
    status,
    headers: { ...JSON_TYPE, "x-amzn-errortype": code },
    body: JSON.stringify({ ErrorCode: code, Message: message }),
  };
}
