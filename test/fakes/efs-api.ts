import type { Test } from "../support/authority.ts";
import { EfsAccount, efsError } from "./efs-account.ts";
import { type Answer, JSON_TYPE, type Service, service } from "./service.ts";

export { efsError } from "./efs-account.ts";

/** A mount target as DescribeMountTargets tells of it. */
export interface DescribedTarget {
  readonly MountTargetId: string;
  readonly IpAddress?: string;
  readonly Ipv6Address?: string;
  readonly LifeCycleState: string;
  readonly AvailabilityZoneName?: string;
  readonly AvailabilityZoneId?: string;
}

/**
 * EFS's API (REST, in JSON). A file system whose mount targets are given has just these, or is treated otherwise;
 * all else is the account's.
 */
export function efsApi(
  test: Test,
  fileSystems: ReadonlyMap<string, readonly DescribedTarget[] | Answer> = new Map(),
  account = new EfsAccount(),
): Promise<Service> {
  return service(test, (call) => {
    const url = new URL(call.path, "http://efs");
    const isForTargets = call.method === "GET" && url.pathname === "/2015-02-01/mount-targets";
    const id = url.searchParams.get("FileSystemId") ?? "";
    const known = isForTargets ? fileSystems.get(id) : undefined;
    if (known === undefined) {
      const isUnknown = isForTargets && fileSystems.size > 0;
      return isUnknown
        ? efsError(404, "FileSystemNotFound", `File system '${id}' does not exist.`)
        : account.answer(call);
    }
    if (!Array.isArray(known)) return known as Answer;
    const targets = known.map((target) => ({ FileSystemId: id, SubnetId: "subnet-1", ...target }));
    return { headers: JSON_TYPE, body: JSON.stringify({ MountTargets: targets }) };
  });
}
