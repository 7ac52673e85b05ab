import type { Test } from "../support/authority.ts";
import { ec2Api } from "./ec2-api.ts";
import { EfsAccount } from "./efs-account.ts";
import { efsApi } from "./efs-api.ts";
import { type KnownKey, kmsApi } from "./kms-api.ts";
import type { Answer } from "./service.ts";

const ACCOUNT = "111122223333";

/** Ids of the account's file systems, by what is to be known of them. */
export const FILE_SYSTEMS = {
  encrypted: "fs-0123456789abcdef1",
  plain: "fs-0123456789abcdef2",
  endangered: "fs-0123456789abcdef3",
  managed: "fs-0123456789abcdef4",
  elsewhere: "fs-0123456789abcdef5",
} as const;

const keyArn = (name: string, region = "us-east-1") =>
  `arn:aws:kms:${region}:${ACCOUNT}:key/${name}-12ab-34cd-56ef-1234567890ab`;

const rotation = { KeyRotationEnabled: true, RotationPeriodInDays: 365, NextRotationDate: 1_800_000_000 };

const policy = (action: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Enable IAM User Permissions",
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
        Action: action,
        Resource: "*",
      },
    ],
  });

const grantFor = (fsId: string) => ({
  GranteePrincipal: "elasticfilesystem.us-east-1.amazonaws.com",
  Operations: ["Decrypt", "GenerateDataKeyWithoutPlaintext"],
  Constraints: { EncryptionContextEquals: { "aws:elasticfilesystem:filesystem:id": fsId } },
});

/** An account with file systems of every kind, in two regions, and their keys. */
export async function encryptedAccount(test: Test) {
  const account = new EfsAccount();
  const common = {
    LifeCycleState: "available",
    CreationTime: 1_790_000_000,
    NumberOfMountTargets: 2,
    SizeInBytes: { Value: 12_345_678 },
  };
  account.add(
    "us-east-1",
    {
      FileSystemId: FILE_SYSTEMS.encrypted,
      Encrypted: true,
      KmsKeyId: keyArn("11111111"),
      Name: "home",
      ...common,
    },
    { FileSystemId: FILE_SYSTEMS.plain, Encrypted: false, Name: "scratch", ...common },
    { FileSystemId: FILE_SYSTEMS.endangered, Encrypted: true, KmsKeyId: keyArn("33333333"), ...common },
    {
      FileSystemId: FILE_SYSTEMS.managed,
      Encrypted: true,
      KmsKeyId: keyArn("44444444"),
      Name: 'web, "static"',
      ...common,
    },
  );
  const abroad = keyArn("11111111", "eu-west-1");
  account.add("eu-west-1", {
    FileSystemId: FILE_SYSTEMS.elsewhere,
    Encrypted: true,
    KmsKeyId: abroad,
    Name: "@archive",
    ...common,
  });
  const keys = new Map<string, KnownKey>(
    [
      {
        Arn: keyArn("11111111"),
        rotation,
        policy: policy("kms:*"),
        grants: [grantFor(FILE_SYSTEMS.encrypted)],
      },
      {
        Arn: keyArn("33333333"),
        rotation: { KeyRotationEnabled: false },
        KeyState: "PendingDeletion",
        DeletionDate: 1_800_000_000,
        policy: policy("kms:Decrypt"),
        grants: [],
      },
      { Arn: keyArn("44444444"), KeyManager: "AWS" as const, rotation },
    ].map((key) => [key.Arn, key]),
  );
  const efs = await efsApi(test, new Map(), account);
  const kms = await kmsApi(test, keys);
  const regions: { answer: readonly string[] | Answer } = { answer: ["us-east-1", "eu-west-1"] };
  const ec2 = await ec2Api(test, {}, () => regions.answer);
  const environment = {
    AWS_ENDPOINT_URL_EFS: efs.url,
    AWS_ENDPOINT_URL_KMS: kms.url,
    AWS_ENDPOINT_URL_EC2: ec2.url,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "an example of a secret",
  };
  return { account, keys, regions, efs, kms, ec2, environment };
}
