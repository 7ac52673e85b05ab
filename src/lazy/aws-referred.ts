/** Loaded for profiles that refer to a role, a program or a sign-on. */
export { fromIni } from "@aws-sdk/credential-providers";
