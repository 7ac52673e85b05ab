import { EfsError } from "../core/errors.ts";
import { type InstanceIdentity, parseInstanceIdentity } from "../core/location/instance-identity.ts";
import { askHttp, type HttpAnswer } from "./http.ts";

/** How often and how long the token is asked for: a hop limit of one in a container never lets it through. */
const TOKEN_TRIES = 3;
const TRY_LIMIT_MS = 500;
const DATA_LIMIT_MS = 2000;
/** A service that is known to be there is waited for: it is this machine that is slow, or it. */
const PATIENT_LIMIT_MS = 20_000;
const TOKEN_HEADERS = { "x-aws-ec2-metadata-token-ttl-seconds": "21600" };

export interface MetadataSettings {
  readonly disableToken: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The EC2 instance metadata service (IMDSv2 where it gives a token, else IMDSv1), asked once a value. */
export class Metadata {
  readonly #settings: MetadataSettings;
  #token: Promise<string | undefined> | undefined;

  constructor(settings: MetadataSettings) {
    this.#settings = settings;
  }

  /** Where the service is asked. */
  get host(): string {
    return this.#url("/").host;
  }

  /** The instance's region, from its identity document; undefined where there is no such service. */
  async region(): Promise<string | undefined> {
    return (await this.#identity())?.region;
  }

  /** The instance's zone by name; undefined where there is no such service. */
  async zone(): Promise<string | undefined> {
    return (await this.#identity())?.availabilityZone;
  }

  /** Which instance this is, and where; empty where there is no such service. */
  async instance(): Promise<{ readonly id?: string | undefined; readonly region?: string | undefined }> {
    const { instanceId: id, region } = (await this.#identity()) ?? {};
    return { id, region };
  }

  /** The instance's zone by id; undefined where there is no such service. */
  async zoneId(): Promise<string | undefined> {
    return (await this.#get("/latest/meta-data/placement/availability-zone-id"))?.trim();
  }

  /** The JSON of the credentials of the instance's role; undefined where it has none. */
  async roleCredentials(): Promise<string | undefined> {
    const folder = "/latest/meta-data/iam/security-credentials/";
    const role = (await this.#get(folder))?.trim().split("\n")[0];
    return role ? this.#get(`${folder}${encodeURIComponent(role)}`) : undefined;
  }

  /** How the service answers, one question of each kind, for who looks for what is in its way. */
  async diagnose(): Promise<{
    readonly disabled: boolean;
    readonly tokenStatus: number | undefined;
    readonly plainStatus: number | undefined;
    readonly region: string | undefined;
    readonly date: string | undefined;
  }> {
    if (this.#isDisabled)
      return {
        disabled: true,
        tokenStatus: undefined,
        plainStatus: undefined,
        region: undefined,
        date: undefined,
      };
    const [token, plain] = await Promise.all([
      askHttp(this.#url("/latest/api/token"), {
        method: "PUT",
        headers: TOKEN_HEADERS,
        limitMs: DATA_LIMIT_MS,
      }),
      this.#ask("/latest/dynamic/instance-identity/document", undefined),
    ]);
    const isThere = token !== undefined || plain !== undefined;
    return {
      disabled: false,
      tokenStatus: token?.status,
      plainStatus: plain?.status,
      region: isThere ? await this.region() : undefined,
      date: token?.date ?? plain?.date,
    };
  }

  get #isDisabled(): boolean {
    return /^true$/i.test(this.#settings.environment.AWS_EC2_METADATA_DISABLED ?? "");
  }

  async #identity(): Promise<InstanceIdentity | undefined> {
    const text = await this.#get("/latest/dynamic/instance-identity/document");
    return text === undefined ? undefined : parseInstanceIdentity(text);
  }

  async #get(path: string): Promise<string | undefined> {
    if (this.#isDisabled) return undefined;
    this.#token ??= this.#fetchToken();
    const token = await this.#token;
    let answer = await this.#ask(path, token);
    if (token === undefined && answer?.status === 401 && !this.#settings.disableToken) {
      // it is there, and wants a token: it was only too slow with it
      this.#token = this.#askForToken(PATIENT_LIMIT_MS);
      answer = await this.#ask(path, await this.#token);
    }
    return answer?.status === 200 ? answer.body : undefined;
  }

  #ask(path: string, token: string | undefined): Promise<HttpAnswer | undefined> {
    const known = token !== undefined;
    return askHttp(this.#url(path), {
      headers: known ? { "x-aws-ec2-metadata-token": token } : {},
      limitMs: known ? PATIENT_LIMIT_MS : DATA_LIMIT_MS,
    });
  }

  async #fetchToken(): Promise<string | undefined> {
    if (this.#settings.disableToken) return undefined;
    for (let attempt = 1; attempt <= TOKEN_TRIES; attempt += 1) {
      const token = await this.#askForToken(TRY_LIMIT_MS);
      if (token !== undefined) return token;
    }
    return undefined;
  }

  async #askForToken(limitMs: number): Promise<string | undefined> {
    const answer = await askHttp(this.#url("/latest/api/token"), {
      method: "PUT",
      headers: TOKEN_HEADERS,
      limitMs,
    });
    return answer?.status === 200 && /^[\x21-\x7e]{1,1024}$/.test(answer.body) ? answer.body : undefined;
  }

  #url(path: string): URL {
    const { environment } = this.#settings;
    const IPV6 = "http://[fd00:ec2::254]";
    const IPV4 = "http://169.254.169.254";
    const byMode = /^ipv6$/i.test(environment.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE ?? "") ? IPV6 : IPV4;
    const base = environment.AWS_EC2_METADATA_SERVICE_ENDPOINT || byMode;
    try {
      const url = new URL(path, base);
      if (url.protocol === "http:") return url;
    } catch {
      // told below
    }
    throw new EfsError("config", "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http URL", {
      hint: "correct or unset it",
    });
  }
}
