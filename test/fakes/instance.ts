import type { Test } from "../support/authority.ts";
import { keysAsJson, type SessionKeys } from "./keys.ts";
import { type Service, service } from "./service.ts";

/** Where every instance finds its metadata. */
export const METADATA_SERVICE = { host: "169.254.169.254", port: 80 };

export interface Instance {
  /** Without it, sessions are refused, as on instances of before them. */
  readonly hasSessions?: boolean;
  /** Whether nothing is told without a session. */
  readonly needsSession?: boolean;
  readonly region?: string;
  readonly zone?: string;
  readonly zoneId?: string;
  readonly role?: { readonly name: string; readonly keys: SessionKeys };
}

const ROLES = "/latest/meta-data/iam/security-credentials/";
const SESSION = "AQAAsession==";

/** The metadata service of an instance (IMDSv2 and v1). */
export function instanceMetadata(
  test: Test,
  { hasSessions = true, needsSession = hasSessions, region, zone, zoneId, role }: Instance,
  where: { host?: string; port?: number } = {},
): Promise<Service> {
  const pages: Record<string, string | undefined> = {
    "/latest/dynamic/instance-identity/document": JSON.stringify({ region, availabilityZone: zone }),
    "/latest/meta-data/placement/availability-zone-id": zoneId,
    [ROLES]: role?.name,
    ...(role === undefined ? {} : { [`${ROLES}${encodeURIComponent(role.name)}`]: keysAsJson(role.keys) }),
  };
  return service(
    test,
    ({ method, path, headers }) => {
      if (path === "/latest/api/token") {
        const isAsked = method === "PUT" && Number(headers["x-aws-ec2-metadata-token-ttl-seconds"]) > 0;
        return hasSessions && isAsked ? { body: SESSION } : { status: 403 };
      }
      if (needsSession && headers["x-aws-ec2-metadata-token"] !== SESSION) return { status: 401 };
      const body = pages[path];
      return body === undefined ? { status: 404 } : { body };
    },
    where,
  );
}
