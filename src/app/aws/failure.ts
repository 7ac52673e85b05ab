const LONGEST = 200;

/**
 * What a service of AWS, or the SDK, says of a failure, as far as it is fit for a message. Services repeat what
 * they were sent behind the first line, tokens among it.
 */
export function saidOf(error: unknown): string {
  const { message, code, name } = (error ?? {}) as { message?: string; code?: string; name?: string };
  const [line = ""] = (message || code || name || String(error)).trim().split(/[\r\n]/);
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
}

/** A call to an API, as messages speak of it. */
export interface ApiCall {
  /** The API's name, such as EFS. */
  readonly service: string;
  /** What the caller must be allowed, such as elasticfilesystem:DescribeFileSystems. */
  readonly permission: string;
  readonly region: string;
  /** The profile whose credentials are used, where one is named. */
  readonly profile: string | undefined;
  /** What it is asked for: stands behind "the EFS API cannot be asked for". */
  readonly purpose: string;
}

/** What a failed call means for the user, and what can be done about it. */
export function explainApiFailure(
  cause: unknown,
  { service, permission, region, profile, purpose }: ApiCall,
): { readonly message: string; readonly hint: string } {
  const { name = "", code = "" } = (cause ?? {}) as { name?: string; code?: string };
  const said = saidOf(cause);
  if (name === "CredentialsProviderError") {
    const whose = profile === undefined ? "this machine" : `profile ${profile}`;
    return {
      message: `the ${service} API cannot be asked for ${purpose}, since ${whose} has no credentials: ${said}`,
      hint: `give this machine credentials with the permission ${permission}`,
    };
  }
  if (/AccessDenied|UnauthorizedOperation|NotAuthorized/i.test(name)) {
    return {
      message: `the ${service} API denies ${permission} to this machine's credentials`,
      hint: `allow ${permission} in their IAM policy`,
    };
  }
  if (
    /UnrecognizedClient|InvalidClientTokenId|ExpiredToken|RequestExpired|AuthFailure|Signature/.test(name)
  ) {
    return {
      message: `the ${service} API does not accept this machine's credentials: ${said}`,
      hint: "correct or renew them, and check this machine's clock",
    };
  }
  if (/Throttl|TooManyRequests|RequestLimitExceeded/.test(name)) {
    return {
      message: `the ${service} API is asked too often in this account: ${said}`,
      hint: "try again after a while",
    };
  }
  if (
    name === "TimeoutError" ||
    /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(`${code} ${name}`)
  ) {
    return {
      message: `the ${service} API in ${region} cannot be reached: ${said}`,
      hint: "check this machine's way to it: a route, a VPC endpoint or a proxy",
    };
  }
  return { message: `the ${service} API failed: ${name} ${said}`, hint: "try again" };
}
