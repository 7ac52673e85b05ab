import { type CredentialSource, describeSource } from "./source.ts";

/** How a client presents itself, for readers of what became of it. */
export interface ClientIdentity {
  /** "as ...", or "without ...". */
  readonly who: string;
  /** What is to be looked at where the server refuses it, after the word "check". */
  readonly check: string;
}

/** A client without TLS, which has nothing to present. */
export const WITHOUT_TLS: ClientIdentity = {
  who: "without TLS, and so without an identity",
  check: "what the file system's policy allows: it may require tls, iam or an access point",
};

/** A client with a certificate; its source is undefined where it has no IAM identity. */
export function clientIdentity(
  source: CredentialSource | undefined,
  accessPoint: string | undefined,
): ClientIdentity {
  const who = source === undefined ? "without an IAM identity" : `as ${describeSource(source)}`;
  const policy = [
    ...(source === undefined ? ["iam"] : []),
    ...(accessPoint === undefined ? ["an access point"] : []),
  ].join(" or ");
  const checks = [
    // certificates are of a time, and so are the signatures in them
    "this machine's clock",
    ...(source === undefined ? [] : ["that these keys are still good and may mount"]),
    ...(accessPoint === undefined ? [] : ["that the access point exists and belongs to this file system"]),
    `what the file system's policy allows${policy === "" ? "" : ` (it may require ${policy})`}`,
  ];
  return {
    who: accessPoint === undefined ? who : `${who}, through access point ${accessPoint}`,
    check: `${checks.slice(0, -1).join(", ")}, and ${checks.at(-1)}`,
  };
}
