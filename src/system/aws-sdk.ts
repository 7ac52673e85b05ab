/**
 * Keeps the AWS SDK from writing to standard error that it will want a later node one day: the version that is
 * bundled runs on every node that the programs run on. To be called before a client is made.
 */
export function quietSdk(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
}
