import { detectionStack } from "./detection-stack.ts";

/** Documents that make AWS enforce encryption, or tell where it is missing. */
export const TEMPLATES = {
  cloudformation: {
    what: "CloudFormation: an alarm for unencrypted creation",
    document: detectionStack,
  },
  iam: {
    what: "IAM policy: may create encrypted file systems only",
    document: identityPolicy,
  },
  scp: {
    what: "service control policy: no account creates others",
    document: serviceControlPolicy,
  },
  "file-system-policy": {
    what: "for one file system: clients without TLS are denied",
    document: fileSystemPolicy,
  },
} as const satisfies Record<string, Template>;

interface Template {
  readonly what: string;
  document(): object;
}

export type TemplateName = keyof typeof TEMPLATES;

/** The version of the policy language (IAM User Guide, "IAM JSON policy elements: Version"). */
const VERSION = "2012-10-17";

const CREATE = "elasticfilesystem:CreateFileSystem";
const ENCRYPTED = "elasticfilesystem:Encrypted";

/** Denies creation without encryption; where a request does not say whether it asks for it, too. */
const DENY_UNENCRYPTED = {
  Sid: "DenyFileSystemsWithoutEncryption",
  Effect: "Deny",
  Action: CREATE,
  Resource: "*",
  Condition: { BoolIfExists: { [ENCRYPTED]: "false" } },
};

function identityPolicy() {
  return {
    Version: VERSION,
    Statement: [
      {
        Sid: "AllowEncryptedFileSystems",
        Effect: "Allow",
        Action: CREATE,
        Resource: "*",
        Condition: { Bool: { [ENCRYPTED]: "true" } },
      },
      // a denial is stronger than whatever another policy allows
      DENY_UNENCRYPTED,
    ],
  };
}

function serviceControlPolicy() {
  return { Version: VERSION, Statement: [DENY_UNENCRYPTED] };
}

/**
 * A file system without a policy lets in every client that reaches it; one with a policy lets in those that the
 * policy, or their own, allows. So the clients are allowed in again, through mount targets only, and those
 * without TLS are denied.
 */
function fileSystemPolicy() {
  return {
    Version: VERSION,
    Statement: [
      {
        Sid: "AllowClientsOfMountTargets",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [
          "elasticfilesystem:ClientMount",
          "elasticfilesystem:ClientWrite",
          "elasticfilesystem:ClientRootAccess",
        ],
        Condition: { Bool: { "elasticfilesystem:AccessedViaMountTarget": "true" } },
      },
      {
        Sid: "DenyPlainTransport",
        Effect: "Deny",
        Principal: { AWS: "*" },
        Action: "*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  };
}
