import { utcTimeText } from "../../core/certificate/certificate.ts";
import { EfsError } from "../../core/errors.ts";
import type { TunnelState } from "../../core/state/state.ts";
import { makeDirectory, writeAtomically } from "../../system/files.ts";
import { makeCertificate } from "../certificate.ts";
import { privateKey } from "../private-key.ts";
import { signal } from "./end.ts";
import { changeState } from "./record.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** What certificates are made of besides what a tunnel's state file says. */
export interface CertificateContext {
  readonly stateDirectory: string;
  readonly hostName: string;
  readonly version: string;
  readonly source: string | undefined;
}

const PRIVATE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Whether a tunnel's certificate can be made from what its state file says. */
export function canRenew({ fsId, privateKey, certificate, awsCredentialsMethod }: TunnelState): boolean {
  // an IAM identity needs credentials, which nothing here fetches yet
  return [fsId, privateKey, certificate].every((known) => known !== undefined) && !awsCredentialsMethod;
}

/**
 * Makes a tunnel's certificate anew, where its state file says it is, and lets stunnel read it (SIGHUP, which
 * a keeper passes on).
 *
 * @throws EfsError (system) where it cannot be made
 */
export async function renewCertificate(tunnel: WatchedTunnel, context: CertificateContext): Promise<void> {
  const { state, paths, base, processes } = tunnel;
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
    identity: undefined,
    source: context.source,
    version: context.version,
  };
  const certificate = await makeCertificate(subject, key, createdAt);
  makeDirectory(paths.directory, DIRECTORY_MODE);
  writeAtomically(state.certificate, certificate, PRIVATE_MODE);
  changeState(context.stateDirectory, base, (before) => ({
    ...before,
    certificateCreationTime: utcTimeText(createdAt),
  }));
  const reader = processes.keeper ?? processes.stunnel;
  if (reader !== undefined) signal(reader, "SIGHUP");
}
