import { type Finding, note, ok, problem, warning } from "./checks.ts";

/** What is said where mounts do not check for revocation. */
export const UNCHECKED = "revocation is not checked";

/** What is known of the way to an OCSP responder, and whether mounts ask it. */
export interface ResponderFacts {
  /** Its URL. */
  readonly responder: string;
  readonly reachable: boolean;
  readonly isWanted: boolean;
}

/** What a responder's being reachable means: where it can be asked and is not, it should be. */
export function responderFinding({ responder, reachable, isWanted }: ResponderFacts): Finding {
  if (isWanted) {
    return reachable
      ? ok(`${responder} accepts connections`)
      : problem(
          `${responder} cannot be connected to`,
          "let this machine reach it (TCP 80), or give up the check with noocsp or stunnel_check_cert_validity = false",
        );
  }
  return reachable
    ? warning(
        `${UNCHECKED}, although ${responder} accepts connections`,
        "set stunnel_check_cert_validity = true in [mount] of efs-utils.conf, or leave out noocsp",
      )
    : note(
        `${UNCHECKED}, and ${responder} cannot be connected to`,
        "let this machine reach it (TCP 80), then set stunnel_check_cert_validity = true in [mount] of efs-utils.conf",
      );
}
