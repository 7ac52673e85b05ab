import type { Region } from "../../core/ids.ts";
import { trustedAuthorities } from "../../system/authorities.ts";
import { lookupWithin } from "../../system/resolver.ts";

/** Credentials as the SDK takes them. */
export interface ApiKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Who calls an API of AWS, and where. */
export interface ApiCaller {
  readonly region: Region;
  /** The profile of ~/.aws whose credentials are used; undefined leaves it to the SDK's own order. */
  readonly profile: string | undefined;
  readonly fips: boolean;
  /** Gives the credentials, where it is not the SDK that looks for them. */
  readonly credentials?: () => Promise<ApiKeys>;
}

const CONNECT_LIMIT_MS = 3000;
const ANSWER_LIMIT_MS = 5000;
/** For one call with all that belongs to it: credentials, further tries, the end of its answer. */
const CALL_LIMIT_MS = 15_000;

/** For what nobody waits for at a mount: with the SDK's back-off these are some ten seconds. */
export const PATIENT_ATTEMPTS = 8;

/**
 * What every client of an API is made with.
 *
 * @param maxAttempts how often a call is made in all where it is throttled or gets no answer
 */
export function clientSettings({ region, fips, profile, credentials }: ApiCaller, maxAttempts = 2) {
  return {
    region,
    useFipsEndpoint: fips,
    maxAttempts,
    // its warnings would go to the terminal
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: requestHandler(),
  };
}

/**
 * How the SDK connects.
 *
 * @throws EfsError (config) for an AWS_CA_BUNDLE that cannot be read
 */
export function requestHandler() {
  const agent = { lookup: lookupWithin(CONNECT_LIMIT_MS) };
  return {
    httpAgent: agent,
    httpsAgent: { ...agent, ...trustedAuthorities(process.env) },
    connectionTimeout: CONNECT_LIMIT_MS,
    requestTimeout: ANSWER_LIMIT_MS,
    throwOnRequestTimeout: true,
  };
}

/** An answer, if it comes in time: the SDK's own limits end where an answer begins. */
export async function withinLimit<T>(answer: Promise<T>, limitMs = CALL_LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error("it does not answer in time"), { name: "TimeoutError" });
    timer = setTimeout(() => reject(error), limitMs);
  });
  return Promise.race([answer, limit]).finally(() => clearTimeout(timer));
}
