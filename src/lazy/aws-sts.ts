/** Loaded when the doctor asks whose credentials they are. */
export { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
