/** Intrinsic functions of CloudFormation. */
const ref = (name: string) => ({ Ref: name });
const sub = (text: string) => ({ "Fn::Sub": text });
const attribute = (resource: string, name: string) => ({ "Fn::GetAtt": [resource, name] });
const when = (condition: string, then: unknown, otherwise: unknown) => ({
  "Fn::If": [condition, then, otherwise],
});

/**
 * What CloudTrail records of a creation without encryption (CloudWatch Logs, "Filter pattern syntax"). A creation
 * that failed has no answer, and FSx has a CreateFileSystem too.
 */
export const UNENCRYPTED_CREATION =
  '{ ($.eventSource = "elasticfilesystem.amazonaws.com") && ($.eventName = "CreateFileSystem") && ($.responseElements.encrypted IS FALSE) }';

const TRAIL_NAME = `\${AWS::StackName}-efs-creation`;
const TRAIL_ARN = sub(
  `arn:\${AWS::Partition}:cloudtrail:\${AWS::Region}:\${AWS::AccountId}:trail/${TRAIL_NAME}`,
);
const KEPT_DAYS = 90;
const PERIOD_SECONDS = 300;

/**
 * A stack that tells of file systems created without encryption at rest, in any region of an account: CloudTrail
 * writes to a log group, a metric filter counts, an alarm tells a topic. A trail that is there already can be
 * used instead of one of its own.
 */
export function detectionStack() {
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Tells of EFS file systems that are created without encryption at rest.",
    Parameters: {
      TrailLogGroup: {
        Type: "String",
        Default: "",
        Description:
          "The log group of a CloudTrail trail that there is already, of all regions. Empty: a trail is made.",
      },
      AlarmEmail: {
        Type: "String",
        Default: "",
        Description: "Who is told by e-mail. Empty: nobody, until somebody subscribes to the topic.",
      },
    },
    Conditions: {
      MakesTrail: { "Fn::Equals": [ref("TrailLogGroup"), ""] },
      HasEmail: { "Fn::Not": [{ "Fn::Equals": [ref("AlarmEmail"), ""] }] },
    },
    Resources: { ...trail(), ...alarm() },
    Outputs: {
      AlarmTopic: { Description: "The topic that is told", Value: ref("AlarmTopic") },
      MetricLogGroup: { Description: "The log group that is watched", Value: logGroup() },
    },
  };
}

const logGroup = () => when("MakesTrail", ref("TrailLogs"), ref("TrailLogGroup"));

/** A trail of all regions, its bucket, and the log group that it writes to. */
function trail() {
  return {
    TrailBucket: {
      Type: "AWS::S3::Bucket",
      Condition: "MakesTrail",
      // records outlive the stack
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    },
    TrailBucketPolicy: {
      Type: "AWS::S3::BucketPolicy",
      Condition: "MakesTrail",
      Properties: { Bucket: ref("TrailBucket"), PolicyDocument: bucketPolicy() },
    },
    TrailLogs: {
      Type: "AWS::Logs::LogGroup",
      Condition: "MakesTrail",
      Properties: { RetentionInDays: KEPT_DAYS },
    },
    TrailRole: {
      Type: "AWS::IAM::Role",
      Condition: "MakesTrail",
      Properties: {
        AssumeRolePolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Principal: { Service: "cloudtrail.amazonaws.com" },
              Action: "sts:AssumeRole",
            },
          ],
        },
        Policies: [
          {
            PolicyName: "write-to-log-group",
            PolicyDocument: {
              Version: "2012-10-17",
              Statement: [
                {
                  Effect: "Allow",
                  Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
                  Resource: attribute("TrailLogs", "Arn"),
                },
              ],
            },
          },
        ],
      },
    },
    Trail: {
      Type: "AWS::CloudTrail::Trail",
      Condition: "MakesTrail",
      DependsOn: "TrailBucketPolicy",
      Properties: {
        TrailName: sub(TRAIL_NAME),
        IsLogging: true,
        IsMultiRegionTrail: true,
        IncludeGlobalServiceEvents: true,
        EnableLogFileValidation: true,
        S3BucketName: ref("TrailBucket"),
        CloudWatchLogsLogGroupArn: attribute("TrailLogs", "Arn"),
        CloudWatchLogsRoleArn: attribute("TrailRole", "Arn"),
      },
    },
  };
}

/** What CloudTrail needs of a bucket (CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail"). */
function bucketPolicy() {
  const cloudTrail = { Effect: "Allow", Principal: { Service: "cloudtrail.amazonaws.com" } };
  const ofThisTrail = { "aws:SourceArn": TRAIL_ARN };
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "TrailLooksAtItsBucket",
        ...cloudTrail,
        Action: "s3:GetBucketAcl",
        Resource: attribute("TrailBucket", "Arn"),
        Condition: { StringEquals: ofThisTrail },
      },
      {
        Sid: "TrailWritesRecords",
        ...cloudTrail,
        Action: "s3:PutObject",
        Resource: sub(`\${TrailBucket.Arn}/AWSLogs/\${AWS::AccountId}/*`),
        Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control", ...ofThisTrail } },
      },
      {
        Sid: "DenyPlainTransport",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [attribute("TrailBucket", "Arn"), sub(`\${TrailBucket.Arn}/*`)],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  };
}

/** Counts what the log group tells of, and tells a topic. */
function alarm() {
  const metric = { MetricNamespace: "EFS/Encryption", MetricName: "UnencryptedFileSystemsCreated" };
  return {
    UnencryptedCreations: {
      Type: "AWS::Logs::MetricFilter",
      Properties: {
        LogGroupName: logGroup(),
        FilterPattern: UNENCRYPTED_CREATION,
        MetricTransformations: [{ ...metric, MetricValue: "1", DefaultValue: 0 }],
      },
    },
    AlarmTopic: { Type: "AWS::SNS::Topic" },
    AlarmSubscription: {
      Type: "AWS::SNS::Subscription",
      Condition: "HasEmail",
      Properties: { Protocol: "email", Endpoint: ref("AlarmEmail"), TopicArn: ref("AlarmTopic") },
    },
    UnencryptedCreationAlarm: {
      Type: "AWS::CloudWatch::Alarm",
      Properties: {
        AlarmDescription: "An EFS file system was created without encryption at rest.",
        Namespace: metric.MetricNamespace,
        MetricName: metric.MetricName,
        Statistic: "Sum",
        Period: PERIOD_SECONDS,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: "GreaterThanOrEqualToThreshold",
        TreatMissingData: "notBreaching",
        AlarmActions: [ref("AlarmTopic")],
      },
    },
  };
}
