import type { Credentials } from "../../src/core/identity/connect-signature.ts";

/** What all secrets of tests hold, so that they are found wherever they are. */
export const SECRET_MARK = "PLANTEDSECRET";
export const TOKEN_MARK = "PLANTEDTOKEN";

export type SessionKeys = Credentials & { readonly sessionToken: string };

/** Keys as AWS gives them out for a while, which tell whose they are. */
export function sessionKeys(owner: string): SessionKeys {
  const id = owner.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  return {
    accessKeyId: `ASIA${id}`,
    secretAccessKey: `${SECRET_MARK}/of+${id}=`,
    sessionToken: `${TOKEN_MARK}/of+${id}==`,
  };
}

/** Keys of a user, which last. */
export function userKeys(owner: string): Credentials {
  const { accessKeyId, secretAccessKey } = sessionKeys(owner);
  return { accessKeyId: accessKeyId.replace("ASIA", "AKIA"), secretAccessKey, sessionToken: undefined };
}

/** Keys as metadata services and agents give them. */
export function keysAsJson({ accessKeyId, secretAccessKey, sessionToken }: Credentials): string {
  return JSON.stringify({
    Code: "Success",
    Type: "AWS-HMAC",
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: "2049-01-01T00:00:00Z",
  });
}

/** Keys as ~/.aws has them. */
export function profileText(
  section: string,
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
): string {
  const token = sessionToken === undefined ? "" : `aws_session_token = ${sessionToken}\n`;
  return `[${section}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${token}`;
}
