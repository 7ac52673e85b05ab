/** Loaded when a file system's name does not resolve, and when it must be known what a file system is. */
export { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from "@aws-sdk/client-efs";
