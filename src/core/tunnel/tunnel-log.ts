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
  | { readonly kind: "refused-by-server"; readonly detail: string }
  /** The server did not accept a connection. */
  | { readonly kind: "unreachable"; readonly detail: string }
  /** What the server said is no TLS at all. */
  | { readonly kind: "no-tls"; readonly detail: string };

/** What one connection has told so far; several are told of in turns. */
interface Told {
  readonly responder?: string;
  readonly reason?: string;
}

/** The last verdict in a log, or undefined where no server was judged yet. */
export function lastVerdict(log: string): TunnelVerdict | undefined {
  const reader = new VerdictReader();
  reader.read(log);
  return reader.verdict;
}

/** Judges a log that grows, without reading a line of it twice. */
export class VerdictReader {
  readonly #connections = new Map<string, Told>();
  #verdict: TunnelVerdict | undefined;

  /** The last one so far, or undefined where no server was judged yet. */
  get verdict(): TunnelVerdict | undefined {
    return this.#verdict;
  }

  /** @param more the lines that the log has grown by */
  read(more: string): void {
    for (const line of more.split("\n")) this.#judge(line);
  }

  #judge(line: string): void {
    const [, id, message] = /LOG\d\[([^\]]*)\]: (.*)$/.exec(line) ?? [];
    if (id === undefined || message === undefined) return;
    if (/accepted connection from/.test(message)) this.#connections.delete(id);
    const told = this.#connections.get(id) ?? {};
    const { responder, reason } = told;
    const asked = /OCSP: Connecting the AIA responder "([^"]*)"/.exec(message)?.[1];
    const failure = /^SSL_connect: (?:\S+: )?(.*)/.exec(message)?.[1] ?? "";
    if (asked !== undefined) {
      this.#connections.set(id, { ...told, responder: asked });
      this.#verdict = { kind: "asking-responder", responder: asked };
    } else if (/^Certificate accepted at depth=0/.test(message)) {
      this.#verdict = { kind: "accepted" };
    } else if (/^Rejected by CERT/.test(message)) {
      this.#verdict = /Subject checks failed/.test(reason ?? "")
        ? { kind: "wrong-host" }
        : {
            kind: "untrusted",
            detail: (reason ?? message).replace(/^CERT: (Pre-verification error: )?/, ""),
          };
    } else if (/^Rejected by OCSP/.test(message)) {
      this.#verdict = /revoked/i.test(reason ?? "")
        ? { kind: "revoked", detail: reason ?? message }
        : { kind: "responder-failed", responder, detail: reason ?? message };
    } else if (/alert/.test(failure)) {
      this.#verdict = { kind: "refused-by-server", detail: failure };
    } else if (/^No more addresses to connect/.test(message)) {
      this.#verdict = { kind: "unreachable", detail: reason ?? message };
    } else if (/wrong version number/.test(failure)) {
      this.#verdict = { kind: "no-tls", detail: failure };
    } else if (
      /^(CERT|OCSP|s_connect: (?!connected)|ssl_|SSL_|read_socket|s_read|s_write|s_poll)/.test(message)
    ) {
      this.#connections.set(id, { ...told, reason: message });
    }
  }
}

/** The lines of stunnel's log, and of systemd-run before it, that tell of an error, without their prefixes, in one line. */
export function complaints(log: string): string {
  const errors = log
    .split("\n")
    .map((line) => /(?:\[!\] |LOG[0-3]\[[^\]]*\]: |^(?=Failed to ))(.*)$/.exec(line)?.[1])
    .filter((line) => line !== undefined);
  return [...new Set(errors)].slice(0, 4).join(", ");
}

/**
 * Whether a running stunnel has read its configuration and certificate again, by what its log says since it was
 * told to (SIGHUP); undefined where it has not said yet.
 */
export function reloadVerdict(log: string): "taken" | "failed" | undefined {
  const said = log.match(/Configuration successful|Failed to reload the configuration file/g)?.at(-1);
  return said === undefined ? undefined : said === "Configuration successful" ? "taken" : "failed";
}
