/** Loaded to read ~/.aws. */
export { loadSharedConfigFiles } from "@smithy/core/config";
