import assert from "node:assert/strict";
import { test } from "node:test";
import { credentialCandidates, type ProfileFacts } from "../../../src/core/identity/candidates.ts";
import { formatSource } from "../../../src/core/identity/source.ts";
import type { IamRequest } from "../../../src/core/request/request.ts";

const IAM: IamRequest = { profile: undefined, credentialsUri: undefined, webIdentity: undefined };
const NO_PROFILE: ProfileFacts = { keysInCredentials: false, keysInConfig: false, exists: false };
const IN_CREDENTIALS: ProfileFacts = { ...NO_PROFILE, keysInCredentials: true, exists: true };
const IN_CONFIG: ProfileFacts = { ...NO_PROFILE, keysInConfig: true, exists: true };
const IN_BOTH: ProfileFacts = { keysInCredentials: true, keysInConfig: true, exists: true };
const ROLE_ONLY: ProfileFacts = { ...NO_PROFILE, exists: true };

const WEB = { roleArn: "arn:aws:iam::1:role/r", tokenFile: "/var/run/jwt" };
const ECS_ENVIRONMENT = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1" };
const POD_ENVIRONMENT = {
  AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/var/run/pod",
};
const WEB_ENVIRONMENT = {
  AWS_ROLE_ARN: "arn:aws:iam::2:role/e",
  AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/env-jwt",
};
const EVERYTHING = { ...ECS_ENVIRONMENT, ...POD_ENVIRONMENT, ...WEB_ENVIRONMENT };
const KEYS = {
  AWS_ACCESS_KEY_ID: "AKIA",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_SESSION_TOKEN: "token",
};
const POD_SOURCE = "podidentity:http://169.254.170.23/v1/credentials,/var/run/pod";
const WEB_SOURCE = "webidentity:arn:aws:iam::1:role/r,/var/run/jwt";
const WEB_ENVIRONMENT_SOURCE = "webidentity:arn:aws:iam::2:role/e,/var/run/env-jwt";

interface Given {
  readonly request?: Partial<IamRequest>;
  readonly environment?: Record<string, string | undefined>;
  readonly profiles?: Record<string, ProfileFacts>;
}

function candidates({ request = {}, environment = {}, profiles = {} }: Given) {
  const found = credentialCandidates(
    { ...IAM, ...request },
    environment,
    (name) => profiles[name] ?? NO_PROFILE,
  );
  return { ...found, sources: found.sources.map(formatSource) };
}

const EXPLICIT: [what: string, given: Given, sources: string[]][] = [
  [
    "awscredsuri is the only place, whatever else there is",
    {
      request: { credentialsUri: "/v2/creds", webIdentity: WEB },
      environment: { ...EVERYTHING, AWS_PROFILE: "p" },
      profiles: { default: IN_BOTH, p: IN_BOTH },
    },
    ["ecs:/v2/creds"],
  ],
  [
    "awsprofile: keys in credentials, then keys in config, then what it refers to",
    { request: { profile: "p" }, environment: EVERYTHING, profiles: { default: IN_BOTH, p: IN_BOTH } },
    ["credentials:p", "config:p", "named_profile:p"],
  ],
  [
    "awsprofile with keys in config only",
    { request: { profile: "p" }, profiles: { p: IN_CONFIG } },
    ["config:p", "named_profile:p"],
  ],
  [
    "awsprofile without keys is what it refers to",
    { request: { profile: "p" }, environment: EVERYTHING, profiles: { default: IN_BOTH, p: ROLE_ONLY } },
    ["named_profile:p"],
  ],
  [
    "awsprofile that is nowhere is nothing, and no other is taken instead",
    { request: { profile: "p" }, environment: EVERYTHING, profiles: { default: IN_BOTH } },
    [],
  ],
  [
    "awsprofile before AWS_PROFILE",
    {
      request: { profile: "p" },
      environment: { AWS_PROFILE: "q" },
      profiles: { p: IN_CREDENTIALS, q: IN_BOTH },
    },
    ["credentials:p", "named_profile:p"],
  ],
  [
    "AWS_PROFILE alone, like awsprofile",
    {
      environment: { ...EVERYTHING, AWS_PROFILE: "q" },
      profiles: { default: IN_BOTH, q: IN_CREDENTIALS },
    },
    ["credentials:q", "named_profile:q"],
  ],
  [
    "AWS_PROFILE that names default, without keys",
    { environment: { AWS_PROFILE: "default" }, profiles: { default: ROLE_ONLY } },
    ["named_profile:default"],
  ],
];
for (const [what, given, sources] of EXPLICIT) {
  test(what, () => assert.deepEqual(candidates(given), { sources, explicit: true }));
}

const TRIED: [what: string, given: Given, sources: string[]][] = [
  ["with nothing, the instance's role", {}, ["metadata:"]],
  [
    "the keys of profile default in credentials come first",
    { profiles: { default: IN_CREDENTIALS } },
    ["credentials:default", "named_profile:default", "metadata:"],
  ],
  [
    "the keys of profile default in config come first",
    { profiles: { default: IN_CONFIG } },
    ["config:default", "named_profile:default", "metadata:"],
  ],
  ["profile default without keys is passed over", { profiles: { default: ROLE_ONLY } }, ["metadata:"]],
  ["other profiles are passed over", { profiles: { p: IN_BOTH } }, ["metadata:"]],
  [
    "the ECS agent, by its relative URI",
    { environment: ECS_ENVIRONMENT },
    ["ecs:/v2/credentials/1", "metadata:"],
  ],
  ["pod identity", { environment: POD_ENVIRONMENT }, [POD_SOURCE, "metadata:"]],
  ["web identity by options", { request: { webIdentity: WEB } }, [WEB_SOURCE, "metadata:"]],
  [
    "web identity by the environment",
    { environment: WEB_ENVIRONMENT },
    [WEB_ENVIRONMENT_SOURCE, "metadata:"],
  ],
  [
    "web identity by options before that of the environment",
    { request: { webIdentity: WEB }, environment: WEB_ENVIRONMENT },
    [WEB_SOURCE, "metadata:"],
  ],
  [
    "everything there is, in its order",
    { environment: EVERYTHING, profiles: { default: IN_BOTH } },
    [
      "credentials:default",
      "config:default",
      "named_profile:default",
      "ecs:/v2/credentials/1",
      POD_SOURCE,
      WEB_ENVIRONMENT_SOURCE,
      "metadata:",
    ],
  ],
  ["keys in the environment are no source", { environment: KEYS }, ["metadata:"]],
  [
    "variables that are empty are not set",
    {
      environment: {
        AWS_PROFILE: "",
        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "",
        AWS_CONTAINER_CREDENTIALS_FULL_URI: "",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/var/run/pod",
        AWS_ROLE_ARN: "",
        AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/jwt",
      },
      profiles: { "": IN_BOTH },
    },
    ["metadata:"],
  ],
  [
    "half of what a source needs is not enough",
    {
      environment: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: POD_ENVIRONMENT.AWS_CONTAINER_CREDENTIALS_FULL_URI,
        AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/jwt",
      },
    },
    ["metadata:"],
  ],
  [
    "a relative URI is a path",
    { environment: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "http://example.com/" } },
    ["metadata:"],
  ],
];
for (const [what, given, sources] of TRIED) {
  test(what, () => assert.deepEqual(candidates(given), { sources, explicit: false }));
}
