/** What the commands about encryption can print with --json, by command. */
export const ENCRYPTION: Readonly<Record<string, object>> = {
  "encryption enforce": { template: "", document: "" },
};
