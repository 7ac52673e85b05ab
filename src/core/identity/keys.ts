import type { Credentials } from "./connect-signature.ts";

/** Keys as they were found, if they can be such; a token that is empty or null is none. */
export function keysOf(
  accessKeyId: unknown,
  secretAccessKey: unknown,
  token: unknown,
): Credentials | undefined {
  const isKey = (value: unknown): value is string =>
    typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
  const sessionToken = token === "" || token === null ? undefined : token;
  const isSession = sessionToken === undefined || isKey(sessionToken);
  if (!isKey(accessKeyId) || !isKey(secretAccessKey) || !isSession) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** The keys in an answer of a metadata service or of an agent for containers and pods. */
export function parseKeys(text: string): Credentials | undefined {
  return keysIn(parseJson(text));
}

/** What STS says to AssumeRoleWithWebIdentity in JSON: keys, or the code of its error where it names one. */
export function parseWebIdentityAnswer(text: string): {
  readonly keys: Credentials | undefined;
  readonly errorCode: string | undefined;
} {
  const answer = parseJson(text);
  const code = at(answer, "Error", "Code");
  const isCode = typeof code === "string" && /^[A-Za-z.]{1,64}$/.test(code);
  const path = ["AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult", "Credentials"];
  return { keys: keysIn(at(answer, ...path)), errorCode: isCode ? code : undefined };
}

function keysIn(value: unknown): Credentials | undefined {
  return keysOf(
    at(value, "AccessKeyId"),
    at(value, "SecretAccessKey"),
    at(value, "Token") ?? at(value, "SessionToken"),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function at(value: unknown, ...path: string[]): unknown {
  let found = value;
  for (const key of path) found = (found as Record<string, unknown> | null | undefined)?.[key];
  return found;
}
