/** Loaded when it must be known what the key of a file system is. */
export {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
  ListGrantsCommand,
} from "@aws-sdk/client-kms";
