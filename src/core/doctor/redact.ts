import { namingHosts } from "../log-line.ts";

/** What is never in a support bundle, and what stands there instead. Each reads a line in time linear to its length. */
const SECRETS: readonly [pattern: RegExp, instead: string][] = [
  // headers of HTTP, to the end of the line
  [
    /((?:authorization|cookie|x-amz-security-token|x-amz-content-sha256|x-aws-ec2-metadata-token)["']?[ \t]?[:=]).*/gi,
    "$1 (secret)",
  ],
  // access key ids, and ids of roles and users (IAM, unique identifiers)
  [/\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|APKA)[A-Z0-9]{12,}/g, "(access key id)"],
  // JSON Web Tokens
  [/\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?(?:\.[A-Za-z0-9_-]*)?/g, "(token)"],
  [
    /((?:secret|secret[_-]?key|access[_-]?key|session[_-]?token|security[_-]?token|password|passwd|passphrase|auth[_-]?token|token|signature|credential)["']?[ \t]?[:=][ \t]?["']?)[^\s"',;]+/gi,
    "$1(secret)",
  ],
  // the path under which an ECS task's credentials are given out
  [/(\/v[0-9]\/credentials\/)[A-Za-z0-9-]+/g, "$1(id)"],
  // accounts, and secrets as they look: 40 characters of base64, and longer ones, session tokens
  [/(?<![A-Za-z0-9_.-])\d{12}(?![A-Za-z0-9_])/g, "(account)"],
];

/** So many characters of base64 that they may be a key. */
const RUNS = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}={0,2}/g;
const LONGEST_LINE = 64 * 1024;

/**
 * A text without keys, tokens, certificates and account numbers. Names and addresses of servers stay; of URLs nothing
 * else does.
 */
export function redacted(text: string): string {
  return withoutBlocks(text)
    .split("\n")
    .map((line) => {
      const short = namingHosts(line.slice(0, LONGEST_LINE));
      const safe = SECRETS.reduce((done, [pattern, instead]) => done.replaceAll(pattern, instead), short);
      return safe.replaceAll(RUNS, (run) => (isKey(run) ? "(secret)" : run));
    })
    .join("\n");
}

function isKey(run: string): boolean {
  return [/[A-Z]/, /[a-z]/, /\d/].every((kind) => kind.test(run));
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";

/** Without what stands in PEM, to its end or that of the text. */
function withoutBlocks(text: string): string {
  const [before = "", ...blocks] = text.split(BEGIN);
  const rests = blocks.map((block) => {
    const kind = block.startsWith("CERTIFICATE-----") ? "(certificate)" : "(private key)";
    const end = block.indexOf(END);
    const close = end === -1 ? -1 : block.indexOf("-----", end + END.length);
    return `${kind}${close === -1 ? "" : block.slice(close + "-----".length)}`;
  });
  return [before, ...rests].join("");
}
