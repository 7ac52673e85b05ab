import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CredentialSource,
  describeSource,
  formatSource,
  parseSource,
} from "../../../src/core/identity/source.ts";

const RECORDED: [text: string, source: CredentialSource][] = [
  ["credentials:default", { kind: "credentials", profile: "default" }],
  ["config:my profile", { kind: "config", profile: "my profile" }],
  ["named_profile:a:b,c", { kind: "named_profile", profile: "a:b,c" }],
  ["ecs:/v2/credentials/1?id=2,3", { kind: "ecs", path: "/v2/credentials/1?id=2,3" }],
  [
    "podidentity:http://169.254.170.23/v1/credentials,/var/run/token",
    { kind: "podidentity", url: "http://169.254.170.23/v1/credentials", tokenFile: "/var/run/token" },
  ],
  [
    "podidentity:http://[fd00:ec2::23]/v1/credentials,/run/a,b:c",
    { kind: "podidentity", url: "http://[fd00:ec2::23]/v1/credentials", tokenFile: "/run/a,b:c" },
  ],
  [
    "webidentity:arn:aws:iam::123456789012:role/r,/var/run/token",
    { kind: "webidentity", roleArn: "arn:aws:iam::123456789012:role/r", tokenFile: "/var/run/token" },
  ],
  [
    "webidentity:arn:aws:iam::1:role/path/a,b=c@d,,/var/run/x,y:z",
    { kind: "webidentity", roleArn: "arn:aws:iam::1:role/path/a,b=c@d,", tokenFile: "/var/run/x,y:z" },
  ],
  [
    "webidentity:arn:aws:iam::1:role/a,b,token",
    { kind: "webidentity", roleArn: "arn:aws:iam::1:role/a,b", tokenFile: "token" },
  ],
  ["metadata:", { kind: "metadata" }],
];
for (const [text, source] of RECORDED) {
  test(`${text} is recorded and read`, () => {
    assert.equal(formatSource(source), text);
    assert.deepEqual(parseSource(text), source);
  });
}

const UNREADABLE = [
  "",
  ":",
  "metadata",
  "metadata:more",
  "credentials:",
  "config:",
  "named_profile:",
  "ecs:",
  "ecs:relative",
  "ecs:http://example.com/",
  "podidentity:http://169.254.170.23/v1/credentials",
  "podidentity:,/var/run/token",
  "podidentity:http://169.254.170.23/,",
  "webidentity:arn:aws:iam::1:role/r",
  "webidentity:,/var/run/token",
  "webidentity:arn:aws:iam::1:role/r,",
  "webidentity:,",
  "environment:AWS_ACCESS_KEY_ID",
  "constructor:x",
  " metadata:",
];
for (const text of UNREADABLE) {
  test(`unreadable: ${JSON.stringify(text)}`, () => assert.equal(parseSource(text), undefined));
}

const anyText = fc.string({ minLength: 1, maxLength: 60 });
const profile = fc.oneof(anyText, fc.constantFrom("default", "a:b", "a,b", "metadata:"));
const absolutePath = anyText.map((text) => `/${text}`);
/** A role's name may hold commas, and stands at the ARN's end. */
const roleArn = fc.stringMatching(/^arn:aws:iam::[0-9]{12}:role\/([a-z]{1,5}\/)?[\w+=,.@-]{1,64}$/);
/** One with ",/" could not be told from where the token file begins; the agent's have none. */
const url = fc.webUrl().filter((text) => !text.includes(",/"));
const plain = { noNullPrototype: true };
const source: fc.Arbitrary<CredentialSource> = fc.oneof(
  fc.record({ kind: fc.constantFrom("credentials", "config", "named_profile"), profile }, plain),
  fc.record({ kind: fc.constant("ecs"), path: absolutePath }, plain),
  fc.record({ kind: fc.constant("podidentity"), url, tokenFile: absolutePath }, plain),
  fc.record({ kind: fc.constant("webidentity"), roleArn, tokenFile: absolutePath }, plain),
  fc.constant({ kind: "metadata" }),
);

test("whatever is recorded is read as it was", () => {
  fc.assert(fc.property(source, (given) => assert.deepEqual(parseSource(formatSource(given)), given)));
});

test("whatever is read would be recorded as it was, or is not read", () => {
  const kind = fc.constantFrom("credentials", "ecs", "podidentity", "webidentity", "metadata", "x");
  const text = fc.oneof(
    fc.string(),
    fc.tuple(kind, fc.string()).map((pair) => pair.join(":")),
  );
  fc.assert(
    fc.property(text, (given) => {
      const read = parseSource(given);
      if (read !== undefined) assert.equal(formatSource(read), given);
    }),
  );
});

const IN_WORDS: Record<CredentialSource["kind"], RegExp> = {
  credentials: /^profile .+ of ~\/\.aws\/credentials$/,
  config: /^profile .+ of ~\/\.aws\/config$/,
  named_profile: /^what profile .+ refers to$/,
  ecs: /^the ECS agent \(\/.+\)$/,
  podidentity: /^EKS pod identity$/,
  webidentity: /^the role arn:.+ by web identity$/,
  metadata: /^the role of this instance$/,
};

test("every source has words of its own", () => {
  for (const [, given] of RECORDED) assert.match(describeSource(given), IN_WORDS[given.kind]);
});
