import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type Grant,
  grantsFor,
  keyNeeds,
  NEEDED_ACTIONS,
  type Need,
} from "../../../src/core/encryption/key-needs.ts";
import { NoPolicy, parseKeyPolicy } from "../../../src/core/encryption/key-policy.ts";

const ACCOUNT = "111122223333";
const USE = { account: ACCOUNT, region: "eu-west-1", fsId: "fs-12345678" };
const VIA_EFS = { "kms:ViaService": "elasticfilesystem.eu-west-1.amazonaws.com" };
const root = (account: string) => ({ AWS: `arn:aws:iam::${account}:root` });
const ALICE = `arn:aws:iam::${ACCOUNT}:role/Alice`;

const policy = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });

/** What a new key of a customer has. */
const DEFAULT = { Sid: "Default", Effect: "Allow", Principal: root(ACCOUNT), Action: "kms:*", Resource: "*" };

/** What the key has that AWS manages for EFS. */
const MANAGED = {
  Sid: "ThroughEFS",
  Effect: "Allow",
  Principal: { AWS: "*" },
  Action: [
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:CreateGrant",
    "kms:DescribeKey",
  ],
  Resource: "*",
  Condition: { StringEquals: { ...VIA_EFS, "kms:CallerAccount": ACCOUNT } },
};

const GRANT: Grant = {
  grantee: "elasticfilesystem.eu-west-1.amazonaws.com",
  operations: ["Decrypt", "GenerateDataKeyWithoutPlaintext"],
  context: { "aws:elasticfilesystem:filesystem:id": USE.fsId },
};

function needs(statements: object[], grants: Grant[] = []): Record<string, Omit<Need, "action">> {
  const found = keyNeeds(parseKeyPolicy(policy(...statements)), grants, USE);
  assert.deepEqual(
    found.map(({ action }) => action),
    NEEDED_ACTIONS,
  );
  return Object.fromEntries(found.map(({ action, ...need }) => [action.replace("kms:", ""), need]));
}

const deny = (more: object) => ({
  Sid: "No",
  Effect: "Deny",
  Principal: "*",
  Action: "kms:Decrypt",
  Resource: "*",
  ...more,
});
const allow = (more: object) => ({ ...MANAGED, Sid: "Yes", ...more });

describe("what EFS needs of a key", () => {
  /** Decrypt stands for all: what comes of it, and what the reader is told. */
  const CASES: [what: string, statements: object[], state: Need["state"], why: RegExp][] = [
    ["is left to IAM by a new key's policy", [DEFAULT], "met", /^Default leaves it to IAM policies$/],
    [
      "is left to IAM by the account's number",
      [{ ...DEFAULT, Principal: { AWS: ACCOUNT } }],
      "met",
      /IAM policies/,
    ],
    [
      "is given to whoever uses EFS by AWS's own policy",
      [MANAGED],
      "met",
      /^ThroughEFS allows it to whoever uses EFS$/,
    ],
    [
      "is given to those that are named",
      [allow({ Principal: { AWS: ALICE } })],
      "met",
      /^Yes allows it to .*Alice$/,
    ],
    [
      "is given by a pattern of services",
      [allow({ Condition: { StringLike: { "kms:ViaService": "elasticfilesystem.*.amazonaws.com" } } })],
      "met",
      /whoever/,
    ],
    [
      "is given by a condition key in other letters",
      [allow({ Condition: { StringEquals: { "KMS:viaservice": VIA_EFS["kms:ViaService"] } } })],
      "met",
      /whoever/,
    ],
    [
      "is given by NotAction",
      [{ ...DEFAULT, Action: undefined, NotAction: "kms:ScheduleKeyDeletion" }],
      "met",
      /IAM/,
    ],
    [
      "is missing where nothing is about it",
      [{ ...DEFAULT, Action: "kms:Encrypt" }],
      "unmet",
      /^no statement allows it to EFS$/,
    ],
    [
      "is given to another account, and the reader sees which",
      [{ ...DEFAULT, Principal: root("999999999999") }],
      "met",
      /^Default allows it to arn:aws:iam::999999999999:root$/,
    ],
    [
      "is missing where the key is for another service alone, and the reader is told",
      [allow({ Condition: { StringEquals: { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } } })],
      "unmet",
      /^no statement allows it to EFS; Yes allows it only if StringEquals kms:ViaService s3\.eu-west-1\.amazonaws\.com$/,
    ],
    [
      "is missing where the key is for EFS in another region",
      [
        allow({
          Condition: { StringEquals: { "kms:ViaService": "elasticfilesystem.us-east-1.amazonaws.com" } },
        }),
      ],
      "unmet",
      /only if StringEquals kms:ViaService elasticfilesystem\.us-east-1/,
    ],
    [
      "is missing where the key is for another file system",
      [
        allow({
          Condition: {
            StringEquals: { "kms:EncryptionContext:aws:elasticfilesystem:filesystem:id": "fs-1" },
          },
        }),
      ],
      "unmet",
      /fs-1/,
    ],
    ["is denied to everybody, whatever is allowed", [DEFAULT, deny({})], "unmet", /^No denies it$/],
    ["is denied to the account", [DEFAULT, deny({ Principal: root(ACCOUNT) })], "unmet", /^No denies it$/],
    [
      "is denied through services",
      [DEFAULT, deny({ Condition: { StringLike: { "kms:ViaService": "*" } } })],
      "unmet",
      /^No denies it$/,
    ],
    [
      "is not denied through other services",
      [DEFAULT, deny({ Condition: { StringEquals: { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } } })],
      "met",
      /IAM/,
    ],
    [
      "is not denied where only others are",
      [DEFAULT, deny({ Condition: { StringNotEquals: VIA_EFS } })],
      "met",
      /IAM/,
    ],
    [
      "is not denied without TLS, as EFS has it",
      [DEFAULT, deny({ Condition: { Bool: { "aws:SecureTransport": "false" } } })],
      "met",
      /IAM/,
    ],
    [
      "is open where some are denied",
      [DEFAULT, deny({ Principal: { AWS: ALICE } })],
      "open",
      /IAM policies; No denies it to .*Alice$/,
    ],
    [
      "is open where all but some are denied",
      [DEFAULT, deny({ Principal: undefined, NotPrincipal: { AWS: ALICE } })],
      "open",
      /No denies it to all but .*Alice$/,
    ],
    [
      "is open where it depends on what is not known here",
      [allow({ Condition: { StringEquals: { "aws:PrincipalOrgID": "o-1" } } })],
      "open",
      /^Yes allows it if StringEquals aws:PrincipalOrgID o-1$/,
    ],
    [
      "is open where a denial does, in its own words",
      [DEFAULT, deny({ Condition: { StringNotEquals: { "aws:SourceVpce": "vpce-1" } } })],
      "open",
      /^Default leaves it to IAM policies; No denies it if StringNotEquals aws:SourceVpce vpce-1$/,
    ],
    [
      "is open where an operator is not known",
      [allow({ Condition: { "ForAnyValue:StringEquals": { "kms:EncryptionContextKeys": "x" } } })],
      "open",
      /ForAnyValue/,
    ],
  ];
  for (const [what, statements, state, why] of CASES) {
    test(what, () => {
      const found = needs(statements).Decrypt;
      assert.equal(found?.state, state, found?.why);
      assert.match(found?.why ?? "", why);
    });
  }

  test("is told for each action alone: a policy for use is none for making", () => {
    const found = needs([allow({ Action: ["kms:Decrypt", "kms:GenerateDataKey*"] })]);
    assert.deepEqual(
      Object.entries(found).map(([action, { state }]) => [action, state]),
      [
        ["CreateGrant", "unmet"],
        ["DescribeKey", "unmet"],
        ["Decrypt", "met"],
        ["GenerateDataKeyWithoutPlaintext", "met"],
      ],
    );
  });

  test("is given by a grant, where the policy does not", () => {
    const found = needs([allow({ Action: "kms:CreateGrant" })], [GRANT]);
    assert.deepEqual(found.Decrypt, { state: "met", why: "by a grant for fs-12345678" });
    assert.equal(found.DescribeKey?.state, "unmet");
  });

  test("is not given by a grant where the policy denies it", () => {
    assert.equal(needs([DEFAULT, deny({})], [GRANT]).Decrypt?.state, "unmet");
  });
});

describe("a grant is a file system's", () => {
  const of = (grant: Partial<Grant>) => grantsFor([{ ...GRANT, ...grant }], USE.fsId).length;

  test("where it is limited to its id, whoever uses it", () => {
    assert.equal(of({}), 1);
    assert.equal(of({ grantee: "arn:aws:sts::805538244694:assumed-role/efs/x" }), 1);
    assert.equal(of({ context: { "aws:elasticfilesystem:filesystem:id": "fs-87654321" } }), 0);
  });

  test("where it is EFS's without a limit, and not where it is another's", () => {
    assert.equal(of({ context: {} }), 1);
    assert.equal(of({ context: {}, grantee: "arn:aws:iam::1:role/Bob" }), 0);
    assert.equal(of({ context: { "aws:ebs:id": "vol-1" } }), 0);
  });
});

describe("a key policy", () => {
  const STRANGE: [what: string, text: string, why: RegExp][] = [
    ["is no JSON", "{", /no JSON/],
    ["is a list", "[]", /no statement/],
    ["has no statement", "{}", /no statement/],
    ["has a text as its statement", policy("x" as unknown as object), /statement 1 is no object/],
    ["has no effect", policy({ ...DEFAULT, Effect: "Maybe" }), /statement 1 has no effect/],
    ["has no action", policy(DEFAULT, { ...DEFAULT, Action: undefined }), /statement 2 has no action/],
    ["has no principal", policy({ ...DEFAULT, Principal: undefined }), /no principal/],
    ["has a condition that is a text", policy({ ...DEFAULT, Condition: "x" }), /condition/],
    ["is too long", policy({ ...DEFAULT, Sid: "x".repeat(70_000) }), /too long/],
  ];
  for (const [what, text, why] of STRANGE) {
    test(`that ${what} is none`, () =>
      assert.throws(
        () => parseKeyPolicy(text),
        (error) => error instanceof NoPolicy && why.test(error.message),
      ));
  }

  test("may have a statement that is in no list", () => {
    assert.equal(parseKeyPolicy(JSON.stringify({ Statement: DEFAULT })).length, 1);
  });

  test("is read or refused, whatever it is", () => {
    const value = fc.jsonValue();
    const statement = fc.record(
      {
        Effect: fc.constantFrom("Allow", "Deny"),
        Principal: fc.oneof(fc.constant("*"), value),
        Action: fc.oneof(fc.constant("kms:*"), fc.string(), value),
        Condition: fc.dictionary(fc.string(), fc.oneof(fc.dictionary(fc.string(), fc.string()), value)),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.array(statement).map((all) => policy(...all)),
        ),
        (text) => {
          try {
            keyNeeds(parseKeyPolicy(text), undefined, USE);
          } catch (error) {
            assert.ok(error instanceof NoPolicy, String(error));
          }
        },
      ),
    );
  });
});
