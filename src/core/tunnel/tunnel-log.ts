/**
 * What stunnel's log says of a connection to its server. It proves nothing: that an answer came through the tunnel does.
 * It tells why none came.
 */
export type TunnelVerdict =
  /** The certificate does not lead to a trusted authority, is expired, or the like. */
  | { readonly kind: "untrusted"; readonly detail: string }
  /** The certificate is for another host. */
  | { readonly kind: "wrong-host" }
  | { readonly kind: "revoked"; readonly detail: string }
  | { readonly kind: "responder-failed"; readonly responder: string | undefined; readonly detail: string }
  /** The responder was asked and has not answered yet. */
  | { readonly kind: "asking-responder"; readonly responder: string }
  /** The server has not the key of the certificate that it shows. */
  | { readonly kind: "impostor"; readonly detail: string }
  /** The server ended the handshake: it wants another client. */
  | { readonly kind: "refused-by-server"; readonly detail: string }
  | { readonly kind: "no-tls-1.2"; readonly detail: string }
  /** What the server said is no TLS at all. */
  | { readonly kind: "no-tls"; readonly detail: string }
  /** The server closed or reset the connection before the handshake was complete. */
  | { readonly kind: "closed-in-handshake"; readonly detail: string }
  /** The server closed the connection after the handshake without an answer. */
  | { readonly kind: "closed-unanswered"; readonly detail: string }
  /** The connection failed for a reason that has no name here. */
  | { readonly kind: "failed"; readonly detail: string }
  /** The server did not accept a connection. */
  | { readonly kind: "unreachable"; readonly detail: string };

/** Whether a verdict is about one connection and may be another one for the next. */
export function isTransient(verdict: TunnelVerdict | undefined): boolean {
  return ["closed-in-handshake", "closed-unanswered", "failed"].includes(verdict?.kind ?? "");
}

/** What one connection has told so far; the lines of several are mixed in a log. */
interface Told {
  readonly responder?: string;
  /** The last complaint, which explains the verdict that follows it. */
  readonly complaint?: string;
  /** Whether the server accepted a TCP connection. */
  readonly connected?: boolean;
  /** Whether the chain of its certificate was accepted. From 5.71 on that comes before its revocation is checked. */
  readonly trusted?: boolean;
  readonly verdict?: TunnelVerdict;
}

/** A row of the table: what stunnel says, in which versions, and what follows from it for its connection. */
type Row = readonly [
  versions: string,
  says: RegExp,
  tells: (told: Told, message: string, match: RegExpExecArray) => Told,
];

/** Errors in the log of each healthy connection: the second from 5.71 to 5.75. */
const OF_HEALTHY_CONNECTIONS = /TIMEOUTclose exceeded|^OCSP: No OCSP stapling response received/;

/** Whether a message of level error or warning tells of nothing wrong. */
export function isHarmless(message: string): boolean {
  return OF_HEALTHY_CONNECTIONS.test(message);
}

const verdict = (told: Told, given: TunnelVerdict): Told => ({ ...told, verdict: told.verdict ?? given });

/**
 * stunnel's words (src/client.c, verify.c, ocsp.c, network.c), tried with 5.56, 5.62, 5.68 to 5.70, 5.72, 5.74 and 5.82. The
 * first row that fits counts. Messages of the TLS library are in HANDSHAKE_FAILURES.
 */
const WORDS: readonly Row[] = [
  ["all", /^Service \[[^\]]*\] accepted connection from/, () => ({})],
  ["all", /^Service \[[^\]]*\] connected remote server/, (told) => ({ ...told, connected: true })],
  [
    "all",
    /^OCSP: Connecting the AIA responder "([^"]*)"/,
    (told, _, [, responder = ""]) => ({ ...told, responder }),
  ],
  ["all", /^Certificate accepted at depth=0/, (told) => ({ ...told, trusted: true })],
  ["all", /^Rejected by CERT/, rejectedByCertificate],
  ["to 5.70", /^Rejected by OCSP/, rejectedByResponder],
  ["from 5.71", /^OCSP: Rejected \(/, rejectedByResponder],
  ["all", OF_HEALTHY_CONNECTIONS, (told) => told],
  ["all", /^OCSP: Unknown verification/, unknownStatus],
  ["all", /^OCSP: (?:Certificate accepted|Accepted)/, ({ complaint: _, responder: __, ...told }) => told],
  ["all", /^No more addresses to connect/, unreachable],
  ["all", /\bSSL_connect: (.*)/, (told, _, [, why = ""]) => verdict(told, handshakeFailure(why, told))],
  ["all", /\bSSL_(?:read|write): (.*\balert\b.*)/, (told, _, [, why = ""]) => verdict(told, refused(why))],
  ["all", /^Connection (?:closed|reset)\S*: (\d+) byte\(s\) sent to \S+, (\d+) byte/, ended],
];

/** What fails a handshake, by the TLS library's words (OpenSSL 1.1.1 to 3.5) and by the kernel's. */
const HANDSHAKE_FAILURES: readonly (readonly [says: RegExp, kind: "impostor" | "no-tls-1.2" | "no-tls"])[] = [
  [/bad signature|bad rsa|digest check failed|decrypt error|wrong signature/, "impostor"],
  // a signature by another RSA key is noise, in which any fault may be the first
  [/\brsa routines:|octet invalid|padding check failed/, "impostor"],
  [/alert protocol version|unsupported protocol|no protocols available|inappropriate fallback/, "no-tls-1.2"],
  [/wrong version number|unknown protocol|http request|packet length too long|bad record type/, "no-tls"],
];
const CONNECTION_LOST =
  /unexpected eof|suddenly disconnected|reset by peer|broken pipe|connection (?:closed|reset)/i;

function rejectedByCertificate(told: Told, message: string): Told {
  const { complaint } = told;
  if (/Subject checks failed/.test(complaint ?? "")) return verdict(told, { kind: "wrong-host" });
  const detail = (complaint ?? message).replace(/^CERT: (?:Pre-verification error: )?/, "");
  return verdict(told, { kind: "untrusted", detail });
}

/** What was wrong with the answer was said before, where something was. */
function unknownStatus(told: Told, message: string): Told {
  return /^OCSP: .*\berror:/.test(told.complaint ?? "") ? told : { ...told, complaint: message };
}

function rejectedByResponder(told: Told, message: string): Told {
  const { complaint: detail = message, responder } = told;
  const isRevoked = /revoked/i.test(`${detail} ${message}`);
  return verdict(
    told,
    isRevoked ? { kind: "revoked", detail } : { kind: "responder-failed", responder, detail },
  );
}

function unreachable(told: Told, message: string): Told {
  const { connected, complaint: detail = message } = told;
  // a responder has addresses too
  return connected ? { ...told, complaint: detail } : verdict(told, { kind: "unreachable", detail });
}

const refused = (detail: string): TunnelVerdict => ({ kind: "refused-by-server", detail });

function handshakeFailure(why: string, { responder, complaint, trusted }: Told): TunnelVerdict {
  const detail = why.replace(/^(?:\S+: )?(?=error:)/, "");
  const [, kind] = HANDSHAKE_FAILURES.find(([says]) => says.test(detail)) ?? [];
  if (kind !== undefined) return { kind, detail };
  if (/\balert\b/.test(detail)) return refused(detail);
  if (/certificate verify failed/.test(detail)) return { kind: "untrusted", detail: complaint ?? detail };
  if (/invalid status response/.test(detail))
    return { kind: "responder-failed", responder, detail: complaint ?? detail };
  // who leaves after it was trusted has seen this client's certificate
  if (CONNECTION_LOST.test(detail))
    return trusted ? refused(detail) : { kind: "closed-in-handshake", detail };
  return { kind: "failed", detail };
}

function ended(told: Told, message: string, [, , received]: RegExpExecArray): Told {
  const { connected, complaint } = told;
  if (received !== "0") return told;
  if (!connected) return verdict(told, { kind: "failed", detail: complaint ?? message });
  return verdict(told, { kind: "closed-unanswered", detail: complaint ?? message });
}

/** What explains a verdict: errors and warnings, and what is said of certificates at any level. */
function isComplaint(level: number, message: string): boolean {
  return level <= 4 || /^(?:CERT|OCSP): |^s_connect: (?!connected)/.test(message);
}

/** The last verdict in a log, or undefined where no server was judged yet. */
export function lastVerdict(log: string): TunnelVerdict | undefined {
  const reader = new VerdictReader();
  reader.read(log);
  return reader.verdict;
}

/** Most connections that are followed at a time: more lines mixed than this are no log of one mount. */
const MAX_CONNECTIONS = 1000;

/** Characters of a line that are read; stunnel's own are shorter. */
const MAX_LINE = 2000;

/** Judges a log that grows, without reading a line of it twice. */
export class VerdictReader {
  readonly #connections = new Map<string, Told>();
  #verdict: TunnelVerdict | undefined;

  /** The last one so far, or undefined where no server was judged yet. */
  get verdict(): TunnelVerdict | undefined {
    return this.#verdict;
  }

  /** What was said until now does not count any more. */
  forget(): void {
    this.#verdict = undefined;
  }

  /**
   * @param more the lines that the log has grown by
   * @returns the verdicts in them
   */
  read(more: string): TunnelVerdict[] {
    return more
      .split("\n")
      .map((line) => this.#judge(line))
      .filter((verdict) => verdict !== undefined);
  }

  #judge(line: string): TunnelVerdict | undefined {
    const [, level, id, message] = /LOG(\d)\[([^[\]]*)\]: (.*)$/.exec(line.slice(0, MAX_LINE)) ?? [];
    if (id === undefined || message === undefined) return undefined;
    const before = this.#connections.get(id) ?? {};
    const told = readWords(before, Number(level), message);
    if (this.#connections.size >= MAX_CONNECTIONS) this.#connections.clear();
    this.#connections.set(id, told);
    if (told.responder === undefined && this.#verdict?.kind === "asking-responder") this.#verdict = undefined;
    const isAsking = told.responder !== undefined && told.responder !== before.responder;
    const { verdict = isAsking ? asking(told.responder) : undefined } = told;
    if (verdict === undefined || verdict === before.verdict) return undefined;
    this.#verdict = verdict;
    return verdict;
  }
}

const asking = (responder: string): TunnelVerdict => ({ kind: "asking-responder", responder });

function readWords(told: Told, level: number, message: string): Told {
  for (const [, says, tells] of WORDS) {
    const match = says.exec(message);
    if (match !== null) return tells(told, message, match);
  }
  return isComplaint(level, message) ? { ...told, complaint: message } : told;
}

/** The lines of stunnel's log, and of systemd-run before it, that tell of an error, without their prefixes, in one line. */
export function complaints(log: string): string {
  const errors = log
    .split("\n")
    .map((line) => /(?:\[!\] |LOG[0-3]\[[^[\]]*\]: |^(?=Failed to ))(.*)$/s.exec(line)?.[1])
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
