import { utcTimeText } from "../../core/certificate/certificate.ts";
import { EfsError } from "../../core/errors.ts";
import type { Credentials } from "../../core/identity/connect-signature.ts";
import { type CredentialSource, describeSource, parseSource } from "../../core/identity/source.ts";
import { parseRegion, type Region } from "../../core/ids.ts";
import type { TunnelState } from "../../core/state/state.ts";
import { quoted } from "../../core/text.ts";
import { FILE_MODES } from "../../core/tunnel/names.ts";
import { reason } from "../../system/errno.ts";
import { makeDirectory, writeAtomically } from "../../system/files.ts";
import { makeCertificate } from "../tunnel/certificate.ts";
import { privateKey } from "../tunnel/private-key.ts";
import { changeState } from "./record.ts";
import { reloadStunnel } from "./reload.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** What certificates are made of besides what a tunnel's state file says. */
export interface CertificateContext {
  readonly stateDirectory: string;
  readonly hostName: string;
  readonly version: string;
  readonly source: string | undefined;
  /** Fresh credentials from where they came from before. */
  credentials(source: CredentialSource, region: Region): Promise<Credentials>;
}

/** Whether a tunnel's certificate can be made from what its state file says. */
export function canRenew({ fsId, privateKey, certificate }: TunnelState): boolean {
  return [fsId, privateKey, certificate].every((known) => known !== undefined);
}

/**
 * Makes a tunnel's certificate anew, where its state file says it is, and sees that stunnel presents it.
 *
 * @param isWanted asked again at the end: what is made may take a while to get
 * @throws EfsError (system) where it cannot be made, or where stunnel goes on with the old one
 */
export async function renewCertificate(
  tunnel: WatchedTunnel,
  context: CertificateContext,
  isWanted: () => boolean,
): Promise<void> {
  const { state, paths, base } = tunnel;
  if (state?.fsId === undefined || state.privateKey === undefined || state.certificate === undefined) return;
  if (!state.certificate.startsWith(`${paths.directory}/`)) {
    throw new EfsError("system", `the certificate ${state.certificate} is not in ${paths.directory}`, {
      hint: "unmount and mount again",
    });
  }
  const key = await privateKey(state.privateKey);
  const createdAt = new Date();
  const subject = {
    hostName: state.commonName ?? context.hostName,
    fsId: state.fsId,
    accessPoint: state.accessPoint,
    identity: await identityOf(state, context),
    source: context.source,
    version: context.version,
  };
  const certificate = await makeCertificate(subject, key, createdAt);
  if (!isWanted()) return;
  makeDirectory(paths.directory, FILE_MODES.directory);
  writeAtomically(state.certificate, certificate, FILE_MODES.private);
  await reloadStunnel(tunnel);
  // not before: one that stunnel has not taken is as good as none
  changeState(context.stateDirectory, base, (before) => ({
    ...before,
    certificateCreationTime: utcTimeText(createdAt),
  }));
}

/** Whose signature the certificate carries; undefined for an anonymous client. */
async function identityOf(state: TunnelState, context: CertificateContext) {
  const { awsCredentialsMethod: recorded } = state;
  if (recorded === undefined) return undefined;
  const source = parseSource(recorded);
  const region = parseRegion(state.region ?? "");
  if (source === undefined || region === undefined) {
    throw new EfsError(
      "system",
      `cannot renew its certificate: its credentials came from ${quoted(recorded)}`,
      {
        hint: "unmount and mount again",
      },
    );
  }
  try {
    return { region, credentials: await context.credentials(source, region) };
  } catch (cause) {
    throw new EfsError(
      "system",
      `has no fresh credentials from ${describeSource(source)}: ${reason(cause)}`,
      { cause },
    );
  }
}
