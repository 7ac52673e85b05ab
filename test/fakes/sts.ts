import type { Test } from "../support/authority.ts";
import type { SessionKeys } from "./keys.ts";
import { type Answer, type Call, type Reply, type Service, service } from "./service.ts";

export interface Role {
  /** The access key id, or the web identity's token, that may assume it. */
  readonly trusts: string;
  readonly keys: SessionKeys;
}

const EXPIRES = new Date("2049-01-01T00:00:00Z");

/** STS (query protocol, in XML or JSON), which knows roles by their ARNs; a role may be treated otherwise. */
export function sts(test: Test, roles: Readonly<Record<string, Role | Answer>>): Promise<Service> {
  return service(test, (call) => {
    const asked = new URLSearchParams(call.body);
    const role = roles[asked.get("RoleArn") ?? ""];
    const caller = callerOf(call, asked);
    if (role !== undefined && !("trusts" in role)) return role;
    if (asked.get("Version") !== "2011-06-15" || (asked.get("RoleSessionName") ?? "") === "")
      return stsError(call, 400, "ValidationError");
    if (role === undefined || caller === undefined || caller !== role.trusts)
      return stsError(call, 403, "AccessDenied");
    return granted(call, asked.get("Action") ?? "", role.keys);
  });
}

function callerOf({ headers }: Call, asked: URLSearchParams): string | undefined {
  if (asked.get("Action") === "AssumeRoleWithWebIdentity") return asked.get("WebIdentityToken") ?? undefined;
  return /Credential=([^/]+)\/\d{8}\/[^/]+\/sts\/aws4_request/.exec(headers.authorization ?? "")?.[1];
}

const wantsJson = ({ headers }: Call) => headers.accept === "application/json";

function granted(call: Call, action: string, keys: SessionKeys): Reply {
  const values = {
    AccessKeyId: keys.accessKeyId,
    SecretAccessKey: keys.secretAccessKey,
    SessionToken: keys.sessionToken,
  };
  if (wantsJson(call)) {
    const result = { Credentials: { ...values, Expiration: EXPIRES.getTime() / 1000 } };
    return { body: JSON.stringify({ [`${action}Response`]: { [`${action}Result`]: result } }) };
  }
  const fields = Object.entries({ ...values, Expiration: EXPIRES.toISOString() });
  const credentials = fields.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
  return {
    headers: { "content-type": "text/xml" },
    body: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>${credentials}</Credentials></${action}Result></${action}Response>`,
  };
}

/** STS's way to say no, in the form that the call wants. */
export function stsError(call: Pick<Call, "headers">, status: number, code: string, message = "no"): Reply {
  if (wantsJson(call as Call))
    return { status, body: JSON.stringify({ Error: { Type: "Sender", Code: code, Message: message } }) };
  return {
    status,
    headers: { "content-type": "text/xml" },
    body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  };
}
