import type { EfsError } from "../../core/errors.ts";
import { describeServer, type ResolvedTarget } from "../../core/location/target.ts";
import { refusal, responderFailed } from "../../core/tunnel/refusal.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import { isTransient, type TunnelVerdict, VerdictReader } from "../../core/tunnel/tunnel-log.ts";
import { closesUnasked } from "../../system/network.ts";
import { pause } from "../../system/pause.ts";
import { resolveHost } from "../../system/resolver.ts";
import { extentOf, Tail } from "../../system/tail.ts";
import { watchOrLook } from "../../system/watch.ts";
import type { OpenTunnel } from "./open.ts";
import { startFailure } from "./start.ts";

/** How long an OCSP responder may think before it counts as unreachable, where this machine is not busy. */
const RESPONDER_LIMIT_MS = 2500;
/** How long the name of a responder that has not answered may take to resolve. */
const RESPONDER_NAME_LIMIT_MS = 1500;
/** How long a server may take to answer before it is left to mount.nfs4 to wait for it. */
const ANSWER_LIMIT_MS = 10_000;
/** How long stunnel may take to say why it closed a connection. */
const REASON_LIMIT_MS = 2000;
/** How long a server that was sent nothing may take to close, so that it counts as not up yet. */
const CLOSING_LIMIT_MS = 500;
/** How long a server that is not up yet is waited for at least. */
const NOT_UP_MS = 3000;
/** Pause before the next call where stunnel was being replaced. */
const AGAIN_MS = 50;
/** So many failed connections in a row, for reasons that may pass, end a mount that is being made. */
const MAX_TRANSIENT_FAILURES = 3;

/** What a check wants of a tunnel. */
export type CheckedTunnel = Pick<
  OpenTunnel,
  "paths" | "stunnel" | "caFile" | "identity" | "running" | "callNull"
>;

/**
 * Checks the server of a tunnel while a mount is made: the proof of it is an answer that came through the tunnel, and
 * stunnel's words tell why there is none. A server that fails ends the mount at once and by name, where the NFS client
 * would try again for minutes.
 */
export class ServerCheck implements Disposable {
  readonly #tunnel: CheckedTunnel;
  readonly #target: ResolvedTarget;
  readonly #controller = new AbortController();
  readonly #reader = new VerdictReader();
  readonly #tail: Tail;
  readonly #stopWatching: () => void;
  #patience: NodeJS.Timeout | undefined;
  #onVerdict: () => void = () => {};
  #transientFailures = 0;
  /** Until then a server that is not up yet may fail as often as it likes. */
  #patientUntil = 0;
  #proven = false;

  constructor(tunnel: CheckedTunnel, target: ResolvedTarget) {
    this.#tunnel = tunnel;
    this.#target = target;
    this.#tail = new Tail(tunnel.paths.log, extentOf(tunnel.paths.log));
    this.#stopWatching = watchOrLook(tunnel.paths.log, () => this.#readLog());
    void tunnel.running.ended.then(() => {
      this.#controller.abort(startFailure(tunnel, "its keeper ended"));
    });
  }

  /** Aborted, with an EfsError as the reason, as soon as the mount cannot succeed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether an answer of the server has come through the tunnel. */
  get isProven(): boolean {
    return this.#proven;
  }

  /** The refusal that the log ends with, if it ends with one. */
  refusal(): EfsError | undefined {
    this.#readLog();
    const verdict = this.#reader.verdict;
    return this.#isRefused() ? this.#refusalOf(verdict) : undefined;
  }

  /** What is known of the server so far, for a reader. */
  describe(): string {
    this.#readLog();
    const server = describeServer(this.#target);
    const verdict = this.#reader.verdict;
    if (verdict !== undefined) {
      const detail = "detail" in verdict ? `: ${verdict.detail}` : "";
      return verdict.kind === "unreachable"
        ? `TLS: ${server} cannot be reached${detail}`
        : `TLS: ${server}: ${verdict.kind.replaceAll("-", " ")}${detail}`;
    }
    return this.#proven
      ? `TLS: ${server} is who it should be`
      : `TLS: ${server}, port ${NFS_PORT}, has not answered`;
  }

  /**
   * Asks the server for an answer through the tunnel, before anything is mounted. Whatever comes back proves that stunnel has
   * accepted its certificate and completed the handshake. A server that cannot be reached, is silent, or has nobody behind
   * its port is left to mount.nfs4, which waits for it.
   *
   * @throws EfsError (mount) that names what is wrong with the server, or the signal's reason
   */
  async prove(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + ANSWER_LIMIT_MS;
    for (;;) {
      const outcome = await this.#tunnel.callNull(Math.max(deadline - performance.now(), 1), signal);
      if (outcome !== "closed") this.#readLog();
      signal.throwIfAborted();
      if (outcome === "silent") return await this.#requireResponder();
      if (outcome !== "closed") {
        this.#proven = true;
        this.#reader.forget();
        return;
      }
      const verdict = await this.#reason(signal);
      if (verdict?.kind === "unreachable") return;
      if (await this.#isNotUp(verdict)) {
        this.#patientUntil = performance.now() + NOT_UP_MS;
        return;
      }
      const refused = this.#refusalOf(verdict);
      if (refused !== undefined) throw refused;
      if (performance.now() > deadline) {
        const detail = "stunnel closed the connection and did not say why";
        throw this.#refusalOf({ kind: "failed", detail });
      }
      // stunnel itself was replaced
      await pause(AGAIN_MS, signal);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#patience);
    this.#stopWatching();
    this.#tail.close();
  }

  /** Whether what listens there closes connections before they begin, as where a server is being started. */
  async #isNotUp(verdict: TunnelVerdict | undefined): Promise<boolean> {
    if (verdict?.kind !== "closed-in-handshake") return false;
    const { address, dnsName } = this.#target;
    return closesUnasked(address ?? dnsName, NFS_PORT, CLOSING_LIMIT_MS);
  }

  /** Why stunnel closed a connection, as soon as it has said so; undefined where it does not say. */
  async #reason(signal: AbortSignal): Promise<TunnelVerdict | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(REASON_LIMIT_MS)]);
    while (!limit.aborted) {
      const said = new Promise<void>((resolve) => {
        this.#onVerdict = resolve;
        limit.addEventListener("abort", () => resolve(), { once: true });
      });
      this.#readLog();
      const { verdict } = this.#reader;
      if (verdict !== undefined && verdict.kind !== "asking-responder") return verdict;
      await said;
    }
    signal.throwIfAborted();
    return undefined;
  }

  #refusalOf(verdict: TunnelVerdict | undefined): EfsError | undefined {
    return refusal(verdict, this.#target, this.#tunnel.caFile, this.#tunnel.identity);
  }

  #readLog(): void {
    let verdicts: readonly TunnelVerdict[] = [];
    try {
      verdicts = this.#reader.read(this.#tail.read());
    } catch {
      // what was read before counts
    }
    this.#waitForResponder();
    if (verdicts.length === 0) return;
    this.#transientFailures += verdicts.filter(isTransient).length;
    this.#onVerdict();
    const refused = this.#isRefused() ? this.#refusalOf(this.#reader.verdict) : undefined;
    if (refused !== undefined) this.#controller.abort(refused);
  }

  #isRefused(): boolean {
    if (!isTransient(this.#reader.verdict)) return true;
    return this.#transientFailures >= MAX_TRANSIENT_FAILURES && performance.now() >= this.#patientUntil;
  }

  #waitForResponder(): void {
    const { verdict } = this.#reader;
    if (verdict?.kind !== "asking-responder") {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      return;
    }
    // how long stunnel took to start tells how long it takes to ask
    const limitMs = Math.max(RESPONDER_LIMIT_MS, this.#tunnel.running.startMs);
    this.#patience ??= setTimeout(() => void this.#giveResponderUp(verdict.responder, limitMs), limitMs);
  }

  /** A server whose revocation is still being checked is not left to mount.nfs4: its responder has failed. */
  async #requireResponder(): Promise<void> {
    const { verdict } = this.#reader;
    if (verdict?.kind === "asking-responder") await this.#giveResponderUp(verdict.responder, ANSWER_LIMIT_MS);
    this.signal.throwIfAborted();
  }

  /** Some stunnels do not say that the name of a responder does not resolve. */
  async #giveResponderUp(responder: string, limitMs: number): Promise<void> {
    const isKnown = await isNameKnown(responder);
    // it may have answered meanwhile
    if (this.#reader.verdict?.kind !== "asking-responder") return;
    const detail = isKnown ? `nothing within ${(limitMs / 1000).toFixed(1)} s` : "its name does not resolve";
    this.#controller.abort(responderFailed(this.#target, responder, detail));
  }
}

async function isNameKnown(url: string): Promise<boolean> {
  if (!URL.canParse(url)) return true;
  const signal = AbortSignal.timeout(RESPONDER_NAME_LIMIT_MS);
  const limits = { limitMs: RESPONDER_NAME_LIMIT_MS, signal };
  return resolveHost(new URL(url).hostname, limits).then(
    ({ addresses }) => addresses.length > 0,
    () => false,
  );
}
