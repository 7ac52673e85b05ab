import { EfsError } from "../errors.ts";
import type { ClientIdentity } from "../identity/client.ts";
import { describeServer, type ResolvedTarget } from "../location/target.ts";
import { printable } from "../text.ts";
import type { TunnelVerdict } from "./tunnel-log.ts";

/** What the tunnel's verdict on the server means for the mount, or undefined where it may go on. */
export function refusal(
  verdict: TunnelVerdict | undefined,
  target: ResolvedTarget,
  caFile: string,
  { who, check }: ClientIdentity,
): EfsError | undefined {
  const elsewhere = "check that the name or address leads to EFS and not elsewhere";
  const server = `the server ${describeServer(target)}`;
  const fail = (message: string, hint: string) => new EfsError("mount", printable(message), { hint });
  switch (verdict?.kind) {
    case undefined:
    case "asking-responder":
    // mount.nfs4 judges and retries this one
    case "unreachable":
      return undefined;
    case "untrusted":
      return fail(
        `${server} has a certificate that ${caFile} does not vouch for: ${verdict.detail}`,
        "check that the name leads to EFS and not elsewhere, or name the right authorities with cafile=PATH or stunnel_cafile",
      );
    case "wrong-host":
      return fail(
        `${server} has a certificate for another host, not for ${target.certificateName}`,
        "check that the name leads to EFS and not elsewhere; stunnel_check_cert_hostname = false gives up this check",
      );
    case "revoked":
      return fail(
        `the certificate of ${server.slice(4)} is revoked: ${verdict.detail}`,
        "do not mount from it; if you must, noocsp or stunnel_check_cert_validity = false gives up this check",
      );
    case "responder-failed":
      return responderFailed(target, verdict.responder, verdict.detail);
    case "impostor":
      return fail(
        `${server} does not have the key of the certificate that it shows: ${verdict.detail}`,
        elsewhere,
      );
    case "no-tls-1.2":
      return fail(`${server} does not speak TLS 1.2: ${verdict.detail}`, elsewhere);
    case "refused-by-server":
      return fail(
        `access denied: ${server} refuses this client, which connects ${who}: ${verdict.detail}`,
        `check ${check}`,
      );
    case "closed-in-handshake":
      return fail(
        `${server} closed the connection during the TLS handshake: ${verdict.detail}`,
        `${elsewhere}, and that nothing between inspects or blocks TLS on port 2049`,
      );
    case "closed-unanswered":
      return fail(
        `${server} closed the connection without an answer to NFS; this client connects ${who}: ${verdict.detail}`,
        `check ${check}, and that the name or address leads to EFS`,
      );
    case "failed":
      return fail(
        `the TLS connection to ${server} failed: ${verdict.detail}`,
        "run efs-utils doctor with the device, which shows what the server presents",
      );
    case "no-tls":
      return fail(`${server} answers, but not with TLS: ${verdict.detail}`, elsewhere);
  }
}

/** The server's certificate could not be checked for revocation. */
export function responderFailed(
  target: ResolvedTarget,
  responder: string | undefined,
  detail: string,
): EfsError {
  const name = responder === undefined ? "of the server's certificate" : responder;
  const what = `whether the certificate of ${describeServer(target)} is revoked is not known`;
  return new EfsError("mount", printable(`${what}: the OCSP responder ${name} gave no answer: ${detail}`), {
    hint: "let this machine reach it, or give up the revocation check with the option noocsp or stunnel_check_cert_validity = false in efs-utils.conf",
  });
}
