import type { Settings } from "../../core/config/keys.ts";
import type { Region } from "../../core/ids.ts";
import type { MountRequest } from "../../core/request/request.ts";
import type { ApiCaller } from "./client.ts";
import { type CredentialContext, findCredentials } from "./credentials.ts";
import { usesFips } from "./fips.ts";

/**
 * Who asks AWS's APIs for a mount: whom the mount connects as where its options name that, else whom the SDK
 * finds by its own order.
 */
export function apiCaller(
  { security }: MountRequest,
  region: Region,
  settings: Settings,
  { environment, metadata }: Omit<CredentialContext, "region">,
): ApiCaller {
  const iam = security.kind === "tls" ? security.iam : undefined;
  const caller = { region, profile: iam?.profile, fips: usesFips(settings, environment) };
  if (iam?.credentialsUri === undefined && iam?.webIdentity === undefined) return caller;
  const credentials = async () => {
    const found = await findCredentials(iam, { environment, region, metadata });
    const { sessionToken, ...keys } = found.credentials;
    return { ...keys, ...(sessionToken === undefined ? {} : { sessionToken }) };
  };
  return { ...caller, credentials };
}
