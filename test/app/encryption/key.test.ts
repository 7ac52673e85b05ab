import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { lookAtKey } from "../../../src/app/encryption/key.ts";
import { keyProblems } from "../../../src/core/encryption/key.ts";
import type { Region } from "../../../src/core/ids.ts";
import { callAs } from "../../fakes/environment.ts";
import { hurry } from "../../fakes/hurry.ts";
import { SECRET_MARK, sessionKeys, TOKEN_MARK } from "../../fakes/keys.ts";
import { type KnownKey, kmsApi, kmsError } from "../../fakes/kms-api.ts";
import { HANGS_UP, type Service, SILENT } from "../../fakes/service.ts";

const KEYS = sessionKeys("caller");
const FS = "fs-12345678";
const ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "Enable IAM User Permissions",
      Effect: "Allow",
      Principal: { AWS: "arn:aws:iam::111122223333:root" },
      Action: "kms:*",
      Resource: "*",
    },
  ],
});
const grantFor = (fsId: string) => ({
  KeyId: ARN,
  GrantId: `grant-of-${fsId}`,
  GranteePrincipal: "elasticfilesystem.us-east-1.amazonaws.com",
  Operations: ["Decrypt", "GenerateDataKeyWithoutPlaintext"],
  Constraints: { EncryptionContextEquals: { "aws:elasticfilesystem:filesystem:id": fsId } },
});
/** Many keys have grants for other things, on several pages. */
const GRANTS = [grantFor("fs-1"), grantFor("fs-2"), grantFor("fs-3"), grantFor(FS)];
const SOUND: KnownKey = {
  Arn: ARN,
  rotation: { KeyRotationEnabled: true, RotationPeriodInDays: 365, NextRotationDate: 1_800_000_000 },
  policy: POLICY,
  grants: GRANTS,
};

const keys = new Map<string, KnownKey>();
const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let kms: Service;

function look(key: Partial<KnownKey> = {}) {
  keys.set(ARN, { ...SOUND, ...key });
  return lookAtKey(ARN, FS, { region: "us-east-1" as Region, profile: undefined, fips: false });
}

describe("the key of a file system", () => {
  before(async () => {
    kms = await kmsApi(group, keys);
    callAs(group, KEYS, { AWS_ENDPOINT_URL_KMS: kms.url });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("is told whole: whose, its state, its rotation, its policy, and its grants on all pages", async () => {
    const { needs, ...key } = await look();
    assert.deepEqual(key, {
      id: ARN,
      manager: "customer",
      state: "Enabled",
      deletionDate: undefined,
      rotation: { isOn: true, periodDays: 365, nextDate: new Date(1_800_000_000_000) },
      grants: 1,
      unread: [],
    });
    assert.deepEqual(
      needs?.map(({ state, why }) => [state, why]),
      [
        ["met", "Enable IAM User Permissions leaves it to IAM policies"],
        ["met", "Enable IAM User Permissions leaves it to IAM policies"],
        ["met", `by a grant for ${FS}`],
        ["met", `by a grant for ${FS}`],
      ],
    );
    assert.deepEqual(keyProblems({ needs, ...key }, FS), []);
  });

  test("that AWS manages is not asked for its policy and grants: they are AWS's own", async () => {
    const before = kms.calls.length;
    const key = await look({ KeyManager: "AWS" });
    assert.deepEqual([key.manager, key.needs, key.grants, key.unread], ["aws", undefined, undefined, []]);
    assert.deepEqual(
      kms.calls.slice(before).map(({ headers }) => headers["x-amz-target"]),
      ["TrentService.DescribeKey", "TrentService.GetKeyRotationStatus"],
    );
    assert.deepEqual(keyProblems(key, FS), []);
  });

  test("that cannot be rotated, as imported ones, has no rotation, and that is no failure", async () => {
    const { rotation: _, ...rest } = SOUND;
    keys.set(ARN, rest);
    const key = await lookAtKey(ARN, FS, { region: "us-east-1" as Region, profile: undefined, fips: false });
    assert.deepEqual([key.rotation, key.unread], [undefined, []]);
  });

  const FINDINGS: [what: string, key: Partial<KnownKey>, ...says: RegExp[]][] = [
    [
      "is disabled",
      { KeyState: "Disabled" },
      /key of fs-12345678 is disabled/,
      /aws kms enable-key --key-id arn:/,
    ],
    [
      "is to be deleted",
      { KeyState: "PendingDeletion", DeletionDate: 1_800_000_000 },
      /is to be deleted on 2027-01-15: what is on the file system can be read by nobody then/,
      /aws kms cancel-key-deletion/,
    ],
    ["has lost its material", { KeyState: "PendingImport" }, /cannot be used: it is PendingImport/],
    [
      "has no grant for the file system",
      { grants: GRANTS.slice(0, 3) },
      /no grant of the key is for fs-12345678/,
    ],
  ];
  for (const [what, key, ...says] of FINDINGS) {
    test(`that ${what} is a finding with its remedy`, async () => {
      const [finding, ...others] = keyProblems(await look(key), FS);
      assert.deepEqual(others, []);
      for (const part of says) assert.match(`${finding?.what}; ${finding?.remedy}`, part);
    });
  }

  test("whose policy does not give EFS what it needs is a finding that names all of it", async () => {
    const policy = POLICY.replace("kms:*", "kms:Encrypt");
    const [found, ...others] = keyProblems(await look({ policy }), FS);
    assert.deepEqual(others, []);
    assert.match(found?.what ?? "", /needs for fs-12345678: kms:CreateGrant, kms:DescribeKey$/);
    assert.match(found?.remedy ?? "", /^allow it in the key's policy/);
  });

  const DENIED = kmsError("AccessDeniedException", `User: arn:aws:iam::1:user/u is not authorized`);
  const UNREAD: [
    what: string,
    key: Partial<KnownKey>,
    says: RegExp,
    stillKnown: "needs" | "grants" | "rotation",
  ][] = [
    [
      "policy may not be read",
      { instead: { GetKeyPolicy: DENIED } },
      /^the key's policy: the KMS API denies kms:GetKeyPolicy .*; allow kms:GetKeyPolicy/,
      "grants",
    ],
    [
      "grants may not be read",
      { instead: { ListGrants: DENIED } },
      /^the key's grants: the KMS API denies kms:ListGrants/,
      "needs",
    ],
    [
      "rotation may not be read",
      { instead: { GetKeyRotationStatus: DENIED } },
      /^rotation: the KMS API denies kms:GetKeyRotationStatus/,
      "grants",
    ],
    ["policy is none", { policy: "{}" }, /^the key's policy: it has no statement/, "grants"],
    [
      "API hangs up for it",
      { instead: { DescribeKey: HANGS_UP } },
      /^the key: the KMS API in us-east-1 cannot be reached/,
      "rotation",
    ],
  ];
  for (const [what, key, says, stillKnown] of UNREAD) {
    test(`whose ${what} is told as far as it can be, with the reason`, async (t) => {
      hurry(t);
      const found = await look(key);
      assert.equal(found.unread.length, 1, found.unread.join());
      assert.match(found.unread[0] ?? "", says);
      assert.notEqual(found[stillKnown], undefined);
      for (const secret of [SECRET_MARK, TOKEN_MARK, KEYS.accessKeyId])
        assert.ok(!found.unread.join().includes(secret));
    });
  }

  test("that KMS does not know is told so", async () => {
    keys.clear();
    const key = await lookAtKey(ARN, FS, { region: "us-east-1" as Region, profile: undefined, fips: false });
    assert.match(key.unread[0] ?? "", /^the key: KMS in us-east-1 does not know it: it was deleted/);
  });

  test("is given up where KMS says nothing", async (t) => {
    hurry(t);
    const found = await look({ instead: { DescribeKey: SILENT } });
    assert.match(found.unread.join(), /the key: the KMS API in us-east-1 cannot be reached/);
  });

  test("is asked for again where KMS is asked too often", async (t) => {
    hurry(t);
    let calls = 0;
    const found = await look({
      instead: {
        GetKeyRotationStatus: (response) => {
          calls += 1;
          const {
            status = 200,
            headers,
            body,
          } = calls < 4
            ? kmsError("ThrottlingException", "Rate exceeded")
            : {
                headers: { "content-type": "application/x-amz-json-1.1" },
                body: '{"KeyRotationEnabled":true}',
              };
          response.writeHead(status, headers).end(body);
        },
      },
    });
    assert.deepEqual([calls, found.rotation?.isOn, found.unread], [4, true, []]);
  });
});
