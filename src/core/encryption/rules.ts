import type { Settings } from "../config/keys.ts";
import { EfsError } from "../errors.ts";
import type { ResolvedTarget } from "../location/target.ts";
import type { MountRequest } from "../request/request.ts";

/**
 * Holds a mount to `require_tls`.
 *
 * @throws EfsError (permission) for one without encryption in transit
 */
export function requireTls({ security }: MountRequest, { fsId }: ResolvedTarget, settings: Settings): void {
  if (!settings.require_tls || security.kind === "tls") return;
  throw new EfsError(
    "permission",
    `${fsId} is not mounted without encryption in transit: require_tls is set in efs-utils.conf`,
    { hint: "add tls to the mount's options" },
  );
}

/** The refusal of a file system that `require_encryption_at_rest` does not allow. */
export function notEncryptedAtRest({ fsId }: ResolvedTarget): EfsError {
  return new EfsError(
    "permission",
    `${fsId} is not encrypted at rest, and require_encryption_at_rest is set in efs-utils.conf`,
    {
      hint: "encryption cannot be turned on later: make an encrypted file system (efs-utils create-file-system), copy the data, and mount that one",
    },
  );
}
