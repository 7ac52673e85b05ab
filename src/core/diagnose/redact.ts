/** What is never in a support bundle, and what stands there instead. */
const SECRETS: readonly [pattern: RegExp, instead: string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, "(private key)"],
  [/-----BEGIN CERTIFICATE-----[\s\S]*?(?:-----END CERTIFICATE-----|$)/g, "(certificate)"],
  // access key ids, and ids of roles and users (IAM, unique identifiers)
  [/\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|APKA)[A-Z0-9]{12,}\b/g, "(access key id)"],
  // JSON Web Tokens
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, "(token)"],
  [
    /((?:secret[_-]?(?:access[_-]?)?key|session[_-]?token|security[_-]?token|password|passwd|authorization|auth[_-]?token|signature)["']?\s*[:=]\s*["']?)(?:Bearer\s+)?[^\s"',;]+/gi,
    "$1(secret)",
  ],
  // the path under which an ECS task's credentials are given out
  [/(\/v2\/credentials\/)[A-Za-z0-9-]+/g, "$1(id)"],
  [/([a-z]+:\/\/)[^\s/@:]+:[^\s/@]+@/gi, "$1(secret)@"],
  // accounts in ARNs, and secrets as they look: 40 characters of base64, and longer ones, session tokens
  [/(\barn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:)\d{12}/g, "$1(account)"],
  [
    /(?<![A-Za-z0-9+/=_.-])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*\d)[A-Za-z0-9+/]{40,}={0,2}(?![A-Za-z0-9+/=])/g,
    "(secret)",
  ],
  [/\b\d{12}\b/g, "(account)"],
];

/** A text without keys, tokens, certificates and account numbers. Names and addresses of servers stay. */
export function redacted(text: string): string {
  return SECRETS.reduce((safe, [pattern, instead]) => safe.replaceAll(pattern, instead), text);
}
