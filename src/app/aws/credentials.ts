import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { posix } from "node:path";
import { EfsError } from "../../core/errors.ts";
import { credentialCandidates } from "../../core/identity/candidates.ts";
import type { Credentials } from "../../core/identity/connect-signature.ts";
import { keysOf, parseKeys, parseWebIdentityAnswer } from "../../core/identity/keys.ts";
import { Profiles } from "../../core/identity/profiles.ts";
import { type CredentialSource, describeSource, formatSource } from "../../core/identity/source.ts";
import type { Region } from "../../core/ids.ts";
import { awsSuffix } from "../../core/location/partitions.ts";
import type { IamRequest } from "../../core/request/request.ts";
import { hasControlCharacter, quoted } from "../../core/text.ts";
import type { Environment } from "../../paths.ts";
import { trustedAuthorities } from "../../system/authorities.ts";
import { quietSdk } from "../../system/aws-sdk.ts";
import { reason } from "../../system/errno.ts";
import { readIfThere } from "../../system/files.ts";
import { askHttp } from "../../system/http.ts";
import type { Metadata } from "../../system/metadata.ts";
import { endShells } from "../../system/shells.ts";
import { requestHandler } from "./client.ts";
import { saidOf } from "./failure.ts";

export interface CredentialContext {
  readonly environment: Environment;
  readonly region: Region;
  readonly metadata: Metadata;
}

export interface FoundCredentials {
  readonly source: CredentialSource;
  readonly credentials: Credentials;
}

/** Why a source has no credentials, without anything secret. */
class NoCredentials extends Error {}

const ECS_AGENT = "http://169.254.170.2";
const AGENT_LIMIT_MS = 5000;
const STS_LIMIT_MS = 10_000;
const PROFILE_LIMIT_MS = 15_000;
const SESSION_NAME = "amazon-efs-mount-helper";

/**
 * The credentials of the first source that has some.
 *
 * @throws EfsError (config) where none has, naming each source that was tried and why it failed
 */
export async function findCredentials(
  request: IamRequest,
  context: CredentialContext,
): Promise<FoundCredentials> {
  const profiles = readProfiles(context.environment);
  const { sources, explicit } = credentialCandidates(request, context.environment, (name) =>
    profiles.facts(name),
  );
  const failures: string[] = [];
  for (const source of sources) {
    try {
      return { source, credentials: await fetchCredentials(source, context) };
    } catch (error) {
      failures.push(`${describeSource(source)}: ${reason(error)}`);
    }
  }
  const named = request.profile ?? context.environment.AWS_PROFILE;
  const tried = failures.length > 0 ? failures.join(", ") : `profile ${named} is not in ~/.aws`;
  throw new EfsError("config", `iam needs AWS credentials, and there are none (${tried})`, {
    hint: explicit
      ? "correct what the mount names, or leave it out so that other sources are tried"
      : "give the instance or task a role, or put keys for the profile default into ~/.aws/credentials",
  });
}

/**
 * Fresh credentials from a source.
 *
 * @throws Error with a reason that holds no secrets
 */
export async function fetchCredentials(
  source: CredentialSource,
  context: CredentialContext,
): Promise<Credentials> {
  if (hasControlCharacter(formatSource(source)))
    throw new NoCredentials("its name holds a control character");
  switch (source.kind) {
    case "credentials":
    case "config": {
      const found = readProfiles(context.environment).keys(source.kind, source.profile);
      return required(keysOf(found.accessKeyId, found.secretAccessKey, found.sessionToken));
    }
    case "named_profile":
      return referredKeys(source.profile, context);
    case "ecs":
      // put together as texts: by URL's rules, a path that begins with // names a host
      return agentKeys(webAddress(`${ECS_AGENT}${source.path}`), {});
    case "podidentity":
      return agentKeys(webAddress(source.url), { authorization: readToken(source.tokenFile) });
    case "webidentity":
      return webIdentityKeys(source, context);
    case "metadata": {
      const answer = await context.metadata.roleCredentials();
      if (answer === undefined) throw new NoCredentials("the metadata service names no role");
      return required(parseKeys(answer));
    }
  }
}

/** Reads ~/.aws, or where the environment says that its files are. */
function readProfiles(environment: Environment): Profiles {
  const home = environment.HOME || userInfo().homedir;
  const read = (named: string | undefined, usual: string) => {
    const path = named ? named.replace(/^~(?=\/)/, home) : posix.join(home, ".aws", usual);
    try {
      return readIfThere(path) ?? "";
    } catch {
      return ""; // a directory, for instance: then there are no profiles
    }
  };
  return new Profiles({
    credentials: read(environment.AWS_SHARED_CREDENTIALS_FILE, "credentials"),
    config: read(environment.AWS_CONFIG_FILE, "config"),
  });
}

/** What a profile tells to do: assume a role, run a program, sign on. */
async function referredKeys(profile: string, { region }: CredentialContext): Promise<Credentials> {
  quietSdk();
  const { fromIni } = await import("../../lazy/aws-referred.ts");
  const limit = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new NoCredentials("no answer in time")), PROFILE_LIMIT_MS).unref();
  });
  // its program outlives neither this wait nor this process
  process.once("exit", endShells);
  try {
    const clientConfig = { region, requestHandler: requestHandler() };
    const provider = fromIni({ profile, ignoreCache: true, clientConfig });
    const { accessKeyId, secretAccessKey, sessionToken } = await Promise.race([provider(), limit]);
    return required(keysOf(accessKeyId, secretAccessKey, sessionToken));
  } catch (error) {
    const said = saidOf(error);
    // what it says of a program is the command line and what the program wrote
    throw new NoCredentials(/^Command failed/.test(said) ? "its credential_process failed" : said);
  } finally {
    process.off("exit", endShells);
    endShells();
  }
}

/** The URL of a web server. */
function webAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new NoCredentials(`${quoted(text)} is no http or https URL`);
}

async function agentKeys(url: URL, headers: Record<string, string>): Promise<Credentials> {
  const answer = await askHttp(url, { headers, limitMs: AGENT_LIMIT_MS });
  if (answer === undefined) throw new NoCredentials(`${url.host} does not answer`);
  if (answer.status !== 200) throw new NoCredentials(`${url.host} answers with status ${answer.status}`);
  return required(parseKeys(answer.body));
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new NoCredentials(`cannot read the token: ${reason(error)}`);
  }
}

/**
 * Exchanges a web identity token at the regional STS (AssumeRoleWithWebIdentity, an unsigned call of the
 * query API, which answers in JSON where it is asked to).
 */
async function webIdentityKeys(
  { roleArn, tokenFile }: { roleArn: string; tokenFile: string },
  { environment, region }: CredentialContext,
): Promise<Credentials> {
  const endpoint = stsEndpoint(region, environment);
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: roleArn,
    RoleSessionName: SESSION_NAME,
    WebIdentityToken: readToken(tokenFile),
  }).toString();
  const answer = await askHttp(webAddress(endpoint), {
    ...trustedAuthorities(environment),
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body,
    limitMs: STS_LIMIT_MS,
  });
  if (answer === undefined) throw new NoCredentials(`${endpoint} does not answer`);
  const { keys, errorCode } = parseWebIdentityAnswer(answer.body);
  if (answer.status !== 200)
    throw new NoCredentials(`${endpoint} refuses: ${errorCode ?? `status ${answer.status}`}`);
  return required(keys, "STS answers without credentials");
}

/** As the SDKs find it: the variable for this service before the one for all, both of which can be switched off. */
function stsEndpoint(region: Region, environment: Environment): string {
  const host = /^true$/i.test(environment.AWS_USE_FIPS_ENDPOINT ?? "") ? "sts-fips" : "sts";
  const isConfigured = !/^true$/i.test(environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS ?? "");
  const configured = environment.AWS_ENDPOINT_URL_STS || environment.AWS_ENDPOINT_URL;
  return (isConfigured && configured) || `https://${host}.${region}.${awsSuffix(region)}`;
}

function required(keys: Credentials | undefined, otherwise = "it holds no keys"): Credentials {
  if (keys === undefined) throw new NoCredentials(otherwise);
  return keys;
}
