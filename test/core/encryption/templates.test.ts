import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TEMPLATES, type TemplateName } from "../../../src/core/encryption/templates.ts";
import { type Stack, Stacked } from "./cloudformation.ts";
import { selects } from "./filter-pattern.ts";
import { decide, type Policy, type Request } from "./policy-language.ts";

/** What is printed, read back. */
const printed = <T>(name: TemplateName) => JSON.parse(JSON.stringify(TEMPLATES[name].document)) as T;

const UNENCRYPTED_CREATION =
  TEMPLATES.cloudformation.document.Resources.UnencryptedCreations.Properties.FilterPattern;

const KEYS_OF_A_STATEMENT = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];

for (const name of ["iam", "scp", "file-system-policy"] as const) {
  test(`${name} is a policy document of known elements, with names that IAM takes`, () => {
    const { Version, Statement, ...more } = printed<Policy>(name);
    assert.deepEqual([Version, more], ["2012-10-17", {}]);
    for (const statement of Statement) {
      assert.deepEqual(
        Object.keys(statement).filter((key) => !KEYS_OF_A_STATEMENT.includes(key)),
        [],
      );
      assert.match(statement.Sid ?? "", /^[A-Za-z0-9]+$/);
      assert.ok(["Allow", "Deny"].includes(statement.Effect));
      // only a policy of a resource says whom it is for, and only such a one may leave out the resource
      assert.equal(statement.Principal !== undefined, name === "file-system-policy");
      assert.equal(statement.Resource !== undefined, name !== "file-system-policy");
    }
  });
}

/** Whatever an administrator may do. */
const FULL_ACCESS: Policy = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
};

const creation = (encrypted?: string): Request => ({
  action: "elasticfilesystem:CreateFileSystem",
  context: encrypted === undefined ? {} : { "elasticfilesystem:Encrypted": encrypted },
});

describe("the policies", () => {
  const CASES: [what: string, policies: Policy[], request: Request, decision: "allowed" | "denied"][] = [
    ["iam: encrypted creation", [printed("iam")], creation("true"), "allowed"],
    ["iam: unencrypted creation", [printed("iam")], creation("false"), "denied"],
    ["iam: creation that does not say", [printed("iam")], creation(), "denied"],
    [
      "iam beside full access: encrypted creation",
      [printed("iam"), FULL_ACCESS],
      creation("true"),
      "allowed",
    ],
    [
      "iam beside full access: unencrypted creation",
      [printed("iam"), FULL_ACCESS],
      creation("false"),
      "denied",
    ],
    [
      "iam beside full access: creation that does not say",
      [printed("iam"), FULL_ACCESS],
      creation(),
      "denied",
    ],
    ["scp under full access: encrypted creation", [printed("scp"), FULL_ACCESS], creation("true"), "allowed"],
    [
      "scp under full access: unencrypted creation",
      [printed("scp"), FULL_ACCESS],
      creation("false"),
      "denied",
    ],
    [
      "scp under full access: creation that does not say",
      [printed("scp"), FULL_ACCESS],
      creation(),
      "denied",
    ],
    ["scp alone allows nothing", [printed("scp")], creation("true"), "denied"],
    [
      "scp under full access: other actions",
      [printed("scp"), FULL_ACCESS],
      { action: "elasticfilesystem:DescribeFileSystems", context: {} },
      "allowed",
    ],
  ];
  for (const [what, policies, request, decision] of CASES) {
    test(`${what} is ${decision}`, () => assert.equal(decide(policies, request), decision));
  }

  const mounted = (change: Record<string, string>) => ({
    "aws:SecureTransport": "true",
    "elasticfilesystem:AccessedViaMountTarget": "true",
    ...change,
  });
  for (const action of ["ClientMount", "ClientWrite", "ClientRootAccess"]) {
    test(`file-system-policy: ${action} is for clients with TLS, through a mount target`, () => {
      const of = (context: Record<string, string>) =>
        decide([printed("file-system-policy")], { action: `elasticfilesystem:${action}`, context });
      assert.equal(of(mounted({})), "allowed");
      assert.equal(of(mounted({ "aws:SecureTransport": "false" })), "denied");
      assert.equal(of(mounted({ "elasticfilesystem:AccessedViaMountTarget": "false" })), "denied");
    });
  }

  test("file-system-policy: a client without TLS is denied whatever its own policy allows", () => {
    const request = {
      action: "elasticfilesystem:ClientMount",
      context: mounted({ "aws:SecureTransport": "false" }),
    };
    assert.equal(decide([printed("file-system-policy"), FULL_ACCESS], request), "denied");
  });
});

/** A creation as CloudTrail records it. */
const CREATED = {
  eventVersion: "1.08",
  eventSource: "elasticfilesystem.amazonaws.com",
  eventName: "CreateFileSystem",
  awsRegion: "us-east-1",
  requestParameters: { creationToken: "t", encrypted: false },
  responseElements: { fileSystemId: "fs-12345678", lifeCycleState: "creating", encrypted: false },
};

describe("the filter pattern", () => {
  const EVENTS: [what: string, event: object, isCounted: boolean][] = [
    ["a creation without encryption", CREATED, true],
    [
      "a creation that does not ask for encryption",
      { ...CREATED, requestParameters: { creationToken: "t" } },
      true,
    ],
    [
      "an encrypted creation",
      { ...CREATED, responseElements: { ...CREATED.responseElements, encrypted: true, kmsKeyId: "k" } },
      false,
    ],
    ["a creation that failed", { ...CREATED, errorCode: "AccessDenied", responseElements: null }, false],
    ["a creation of FSx", { ...CREATED, eventSource: "fsx.amazonaws.com" }, false],
    ["another call", { ...CREATED, eventName: "DescribeFileSystems", responseElements: null }, false],
  ];
  for (const [what, event, isCounted] of EVENTS) {
    test(`${isCounted ? "counts" : "does not count"} ${what}`, () => {
      assert.equal(selects(UNENCRYPTED_CREATION, event), isCounted);
    });
  }
});

/** Properties by resource type (CloudFormation Template Reference): those that must be there have a `!`. */
const PROPERTIES: Record<string, string> = {
  "AWS::S3::Bucket": "BucketName BucketEncryption PublicAccessBlockConfiguration VersioningConfiguration",
  "AWS::S3::BucketPolicy": "Bucket! PolicyDocument!",
  "AWS::Logs::LogGroup": "LogGroupName RetentionInDays KmsKeyId",
  "AWS::IAM::Role": "AssumeRolePolicyDocument! Policies RoleName Path ManagedPolicyArns",
  "AWS::CloudTrail::Trail":
    "TrailName IsLogging! IsMultiRegionTrail IncludeGlobalServiceEvents EnableLogFileValidation S3BucketName! CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn KMSKeyId",
  "AWS::Logs::MetricFilter": "LogGroupName! FilterPattern! MetricTransformations! FilterName",
  "AWS::SNS::Topic": "TopicName DisplayName KmsMasterKeyId",
  "AWS::SNS::Subscription": "Protocol! Endpoint TopicArn!",
  "AWS::CloudWatch::Alarm":
    "AlarmName AlarmDescription Namespace MetricName Statistic Period EvaluationPeriods! Threshold ComparisonOperator! TreatMissingData AlarmActions Dimensions",
};
const ATTRIBUTES = ["Type", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Properties"];

describe("the CloudFormation template", () => {
  const stack = printed<Stack>("cloudformation");

  test("has the sections of a template, and its version", () => {
    assert.deepEqual(Object.keys(stack), [
      "AWSTemplateFormatVersion",
      "Description",
      "Parameters",
      "Conditions",
      "Resources",
      "Outputs",
    ]);
    assert.equal(stack.AWSTemplateFormatVersion, "2010-09-09");
  });

  for (const [name, resource] of Object.entries(stack.Resources)) {
    test(`${name} is a ${resource.Type} with properties that there are, and those that there must be`, () => {
      assert.match(name, /^[A-Za-z0-9]+$/);
      assert.deepEqual(
        Object.keys(resource).filter((key) => !ATTRIBUTES.includes(key)),
        [],
      );
      const known = PROPERTIES[resource.Type]?.split(" ") ?? assert.fail("an unknown type");
      const given = Object.keys(resource.Properties ?? {});
      assert.deepEqual(
        given.filter((key) => !known.includes(key) && !known.includes(`${key}!`)),
        [],
      );
      for (const key of known.filter((each) => each.endsWith("!")))
        assert.ok(given.includes(key.slice(0, -1)), `${key} is missing`);
    });
  }

  for (const TrailLogGroup of ["", "CloudTrail/logs"]) {
    for (const AlarmEmail of ["", "somebody@example.com"]) {
      const parameters = { TrailLogGroup, AlarmEmail };
      const made = new Stacked(stack, parameters);

      test(`refers to nothing but what there is, with ${JSON.stringify(parameters)}`, () => {
        assert.doesNotThrow(() => made.resources());
      });

      test(`counts and tells, with ${JSON.stringify(parameters)}`, () => {
        const resources = made.resources();
        const filter = resources.UnencryptedCreations ?? {};
        assert.equal(filter.FilterPattern, UNENCRYPTED_CREATION);
        assert.equal(filter.LogGroupName, TrailLogGroup === "" ? "the TrailLogs" : TrailLogGroup);
        const [metric] = filter.MetricTransformations as Record<string, unknown>[];
        const alarm = resources.UnencryptedCreationAlarm ?? {};
        assert.deepEqual(
          [alarm.Namespace, alarm.MetricName, metric?.MetricValue],
          [metric?.MetricNamespace, metric?.MetricName, "1"],
        );
        assert.deepEqual(alarm.AlarmActions, ["the AlarmTopic"]);
        assert.equal(resources.AlarmSubscription?.Endpoint, AlarmEmail === "" ? undefined : AlarmEmail);
        assert.equal(
          resources.Trail?.CloudWatchLogsLogGroupArn,
          TrailLogGroup === "" ? "TrailLogs.Arn" : undefined,
        );
      });
    }
  }
});
