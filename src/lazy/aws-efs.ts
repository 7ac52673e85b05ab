/** Loaded when a file system's name does not resolve. */
export { DescribeMountTargetsCommand, EFSClient } from "@aws-sdk/client-efs";
