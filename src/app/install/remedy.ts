import { existsSync } from "node:fs";
import { CA_BUNDLE, LIBRARY, PACKAGE, RUNTIME, type Shipped } from "./layout.ts";

/** What installs again all that is missing. */
export function installRemedy(): string {
  return existsSync(RUNTIME) ? `install the package ${PACKAGE} again` : "sudo efs-utils install";
}

/** What puts a shipped file back into its place. */
export function restoreRemedy({ name, path }: Shipped): string {
  const shipped = `${LIBRARY}/${name}`;
  return existsSync(shipped) ? `install -D -m 644 ${shipped} ${path}` : installRemedy();
}

/** What can be done about a file of authorities that is of no use. */
export function authoritiesRemedy(): string {
  return `${restoreRemedy(CA_BUNDLE)}, or name another file with cafile or stunnel_cafile`;
}
