/**
 * What stunnel's log says of the server it connected to. The wordings are stunnel's (5.x, src/verify.c,
 * src/ocsp.c, src/client.c); everything not listed here is passed over.
 */
export type TunnelVerdict =
  /** The handshake was made: the server is who it should be. */
  | { readonly kind: "accepted" }
  /** The certificate does not lead to a trusted authority, is expired, or the like. */
  | { readonly kind: "untrusted"; readonly detail: string }
  /** The certificate is for another host. */
  | { readonly kind: "wrong-host" }
  | { readonly kind: "revoked"; readonly detail: string }
  | { readonly kind: "responder-failed"; readonly responder: string | undefined; readonly detail: string }
  /** The responder was asked and has not answered yet. */
  | { readonly kind: "asking-responder"; readonly responder: string }
  /** The server ended the handshake: it wants another client, or no TLS 1.2. */
  | { readonly kind: "refused-by-server"; readonly detail: string };

/** The last verdict in a log, or undefined where no server was judged yet. */
export function lastVerdict(log: string): TunnelVerdict | undefined {
  let verdict: TunnelVerdict | undefined;
  let responder: string | undefined;
  let reason: string | undefined;
  for (const line of log.split("\n")) {
    const message = /LOG\d\[[^\]]*\]: (.*)$/.exec(line)?.[1];
    if (message === undefined) continue;
    if (/accepted connection from/.test(message)) [responder, reason] = [undefined, undefined];
    const asked = /OCSP: Connecting the AIA responder "([^"]*)"/.exec(message)?.[1];
    if (asked !== undefined) {
      responder = asked;
      verdict = { kind: "asking-responder", responder: asked };
    } else if (/^Certificate accepted at depth=0/.test(message)) {
      verdict = { kind: "accepted" };
    } else if (/^Rejected by CERT/.test(message)) {
      verdict = /Subject checks failed/.test(reason ?? "")
        ? { kind: "wrong-host" }
        : {
            kind: "untrusted",
            detail: (reason ?? message).replace(/^CERT: (Pre-verification error: )?/, ""),
          };
    } else if (/^Rejected by OCSP/.test(message)) {
      verdict = /revoked/i.test(reason ?? "")
        ? { kind: "revoked", detail: reason ?? message }
        : { kind: "responder-failed", responder, detail: reason ?? message };
    } else if (/^SSL_connect: .*alert/.test(message)) {
      verdict = { kind: "refused-by-server", detail: message.replace(/^SSL_connect: (\S+: )?/, "") };
    } else if (/^(CERT|OCSP|s_connect|ssl_|SSL_|read_socket|s_read|s_write|s_poll)/.test(message)) {
      reason = message;
    }
  }
  return verdict;
}
