import type { Test } from "../support/authority.ts";
import { type Answer, type Reply, type Service, service } from "./service.ts";

/** A key as KMS knows it. */
export interface KnownKey {
  readonly Arn: string;
  readonly KeyManager?: "AWS" | "CUSTOMER";
  readonly KeyState?: string;
  /** Seconds since 1970. */
  readonly DeletionDate?: number;
  /** Undefined where it cannot be rotated. */
  readonly rotation?: {
    KeyRotationEnabled: boolean;
    RotationPeriodInDays?: number;
    NextRotationDate?: number;
  };
  readonly policy?: string;
  readonly grants?: readonly object[];
  /** Actions that are treated otherwise, such as GetKeyPolicy. */
  readonly instead?: Readonly<Record<string, Answer>>;
}

const PAGE = 2;
const TYPE = { "content-type": "application/x-amz-json-1.1" };

/** KMS's API (JSON, the action in a header), which knows keys by their ARNs. */
export function kmsApi(test: Test, keys: ReadonlyMap<string, KnownKey>): Promise<Service> {
  return service(test, ({ headers, body }) => {
    const action = String(headers["x-amz-target"]).replace(/^TrentService\./, "");
    if (!/\/kms\/aws4_request/.test(headers.authorization ?? ""))
      return kmsError("MissingAuthenticationTokenException");
    const { KeyId, Marker = "0", Limit = PAGE } = JSON.parse(body);
    const key = keys.get(KeyId);
    if (key === undefined) return kmsError("NotFoundException", `Key '${KeyId}' does not exist`);
    const instead = key.instead?.[action];
    if (instead !== undefined) return instead;
    switch (action) {
      case "DescribeKey": {
        const { Arn, KeyManager = "CUSTOMER", KeyState = "Enabled", DeletionDate } = key;
        const [, , , , AWSAccountId, resource = ""] = Arn.split(":");
        const KeyId = resource.replace("key/", "");
        return json({ KeyMetadata: { Arn, KeyId, AWSAccountId, KeyManager, KeyState, DeletionDate } });
      }
      case "GetKeyRotationStatus":
        return key.rotation === undefined ? kmsError("UnsupportedOperationException") : json(key.rotation);
      case "GetKeyPolicy":
        return json({ Policy: key.policy, PolicyName: "default" });
      case "ListGrants": {
        const { grants = [] } = key;
        const end = Number(Marker) + Math.min(Limit, PAGE);
        const more =
          end < grants.length ? { Truncated: true, NextMarker: String(end) } : { Truncated: false };
        return json({ Grants: grants.slice(Number(Marker), end), ...more });
      }
      default:
        return kmsError("UnknownOperationException");
    }
  });
}

function json(body: unknown): Reply {
  return { headers: TYPE, body: JSON.stringify(body) };
}

/** KMS's way to say no. */
export function kmsError(type: string, message = "no", status = 400): Reply {
  return { status, headers: TYPE, body: JSON.stringify({ __type: type, message }) };
}
