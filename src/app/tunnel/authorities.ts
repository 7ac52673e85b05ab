import { existsSync } from "node:fs";
import type { Settings } from "../../core/config/keys.ts";
import { EfsError } from "../../core/errors.ts";
import type { Region } from "../../core/ids.ts";
import { SYSTEM_CA_BUNDLES } from "../../core/location/partitions.ts";
import { usesSystemAuthorities } from "../../core/location/target.ts";
import type { TlsRequest } from "../../core/request/request.ts";
import type { SystemPaths } from "../../paths.ts";
import { readIfThere } from "../../system/files.ts";
import { authoritiesRemedy } from "../install/remedy.ts";

/** The file of the authorities that a tunnel trusts: the mount's own, the configured one, the region's. */
export function authoritiesFile(
  { caFile }: Pick<TlsRequest, "caFile">,
  region: Region,
  settings: Settings,
  { caBundle }: Pick<SystemPaths, "caBundle">,
): string {
  const system = usesSystemAuthorities(region)
    ? SYSTEM_CA_BUNDLES.find((path) => existsSync(path))
    : undefined;
  return caFile ?? settings.stunnel_cafile ?? system ?? caBundle;
}

/**
 * Looks whether there are authorities in a file: stunnel would say that something in its configuration is wrong, and
 * not what.
 *
 * @throws EfsError (config) where there are none
 */
export function requireAuthorities(caFile: string): void {
  const wrong = (why: string) =>
    new EfsError("config", `the file of authorities ${caFile} ${why}`, { hint: authoritiesRemedy() });
  const text = readIfThere(caFile);
  if (text === undefined) throw wrong("is not there");
  // RFC 7468, and OpenSSL's own label
  if (!/^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/m.test(text)) throw wrong("holds no certificate");
}
