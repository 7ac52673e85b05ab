import type { IamRequest } from "../request/request.ts";
import type { CredentialSource } from "./source.ts";

/** What a profile of ~/.aws has. */
export interface ProfileFacts {
  readonly keysInCredentials: boolean;
  readonly keysInConfig: boolean;
  /** It is there, in either file. */
  readonly exists: boolean;
}

export interface Candidates {
  /** In the order in which they are tried; the first that answers counts. */
  readonly sources: readonly CredentialSource[];
  /** Whether the user asked for just these. */
  readonly explicit: boolean;
}

/**
 * Where credentials may come from. What the caller names on the command line is the only place to look; keys
 * in the environment are no source, since they would end up in nobody's state file.
 */
export function credentialCandidates(
  request: IamRequest,
  environment: Readonly<Record<string, string | undefined>>,
  profile: (name: string) => ProfileFacts,
): Candidates {
  if (request.credentialsUri !== undefined) {
    return { sources: [{ kind: "ecs", path: request.credentialsUri }], explicit: true };
  }
  const named = request.profile ?? (environment.AWS_PROFILE || undefined);
  if (named !== undefined) return { sources: profileSources(named, profile(named)), explicit: true };
  const relativeUri = environment.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const fullUri = environment.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  const podToken = environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const roleArn = request.webIdentity?.roleArn ?? environment.AWS_ROLE_ARN;
  const webToken = request.webIdentity?.tokenFile ?? environment.AWS_WEB_IDENTITY_TOKEN_FILE;
  const standard = profile("default");
  const hasKeys = standard.keysInCredentials || standard.keysInConfig;
  return {
    explicit: false,
    sources: [
      ...(hasKeys ? profileSources("default", standard) : []),
      ...(relativeUri?.startsWith("/") ? [{ kind: "ecs", path: relativeUri } as const] : []),
      ...(fullUri && podToken ? [{ kind: "podidentity", url: fullUri, tokenFile: podToken } as const] : []),
      ...(roleArn && webToken ? [{ kind: "webidentity", roleArn, tokenFile: webToken } as const] : []),
      { kind: "metadata" },
    ],
  };
}

function profileSources(name: string, facts: ProfileFacts): CredentialSource[] {
  return [
    ...(facts.keysInCredentials ? [{ kind: "credentials", profile: name } as const] : []),
    ...(facts.keysInConfig ? [{ kind: "config", profile: name } as const] : []),
    ...(facts.exists ? [{ kind: "named_profile", profile: name } as const] : []),
  ];
}
