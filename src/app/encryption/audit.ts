import { type Audit, auditOf, type RegionAudit } from "../../core/encryption/audit.ts";
import { EfsError, oneLine } from "../../core/errors.ts";
import { parseRegion, type Region } from "../../core/ids.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import { type ApiCaller, clientSettings, PATIENT_ATTEMPTS, withinLimit } from "../aws/client.ts";
import { explainApiFailure, saidOf } from "../aws/failure.ts";
import { listFileSystems } from "../aws/file-systems.ts";
import { Limiter } from "../watchdog/limiter.ts";
import type { ApiAccess } from "./access.ts";

/** So many regions are asked at the same time. */
const AT_ONCE = 4;
/** More regions than AWS has: an answer with more is none. */
const MOST_REGIONS = 200;
/** For all pages of a region. */
const REGION_LIMIT_MS = 180_000;

/**
 * All file systems of an account, in one region or in all that are enabled for it. What a region does not tell is
 * told of that region: the others are looked at all the same.
 *
 * @throws EfsError where not even the regions can be found out
 */
export async function auditEncryption(access: ApiAccess, { allRegions = false } = {}): Promise<Audit> {
  const home = await access.region();
  const regions = allRegions ? await enabledRegions(access.caller(home)) : [home];
  const limiter = new Limiter(AT_ONCE);
  return auditOf(
    await Promise.all(regions.map((region) => limiter.run(() => auditRegion(access.caller(region))))),
  );
}

async function auditRegion(caller: ApiCaller): Promise<RegionAudit> {
  const { region } = caller;
  try {
    return { region, fileSystems: await withinLimit(listFileSystems(caller), REGION_LIMIT_MS) };
  } catch (error) {
    return { region, error: error instanceof EfsError ? oneLine(error) : saidOf(error) };
  }
}

/** The regions that an account can use (EC2 API, DescribeRegions). */
async function enabledRegions(caller: ApiCaller): Promise<Region[]> {
  quietSdk();
  const { DescribeRegionsCommand, EC2Client } = await import("../../lazy/aws-ec2.ts");
  const client = new EC2Client(clientSettings(caller, PATIENT_ATTEMPTS));
  const permission = "ec2:DescribeRegions";
  try {
    const { Regions = [] } = await withinLimit(client.send(new DescribeRegionsCommand({})));
    const names = Regions.flatMap(({ RegionName = "" }) => parseRegion(RegionName) ?? []).sort();
    if (names.length > 0 && names.length <= MOST_REGIONS) return names;
  } catch (cause) {
    const call = { service: "EC2", permission, ...caller, purpose: "the regions" };
    const { message, hint } = explainApiFailure(cause, call);
    throw new EfsError("mount", message, { hint: `${hint}, or audit one region with --region`, cause });
  } finally {
    client.destroy();
  }
  throw new EfsError("mount", "the EC2 API does not tell which regions there are", {
    hint: "check what answers for it (AWS_ENDPOINT_URL_EC2, a proxy), or audit one region with --region",
  });
}
