import type { EfsError } from "../core/errors.ts";
import { describeServer, type ResolvedTarget } from "../core/target/target.ts";
import { refusal, responderFailed } from "../core/tunnel/refusal.ts";
import { NFS_PORT } from "../core/tunnel/stunnel-config.ts";
import { type TunnelVerdict, VerdictReader } from "../core/tunnel/tunnel-log.ts";
import { extentOf, Tail } from "../system/tail.ts";
import { watchOrLook } from "../system/watch.ts";
import type { OpenTunnel } from "./tls.ts";
import { startFailure } from "./tunnel.ts";

/** How long an OCSP responder may think before it counts as unreachable, where this machine is not busy. */
const RESPONDER_LIMIT_MS = 2500;
/** How long a server may take for a handshake before it is left to mount.nfs4 to wait for it. */
const HANDSHAKE_LIMIT_MS = 10_000;

/**
 * Watches what a tunnel says of its server while a mount is made. A server that fails verification ends the
 * mount at once and by name, where the NFS client would try again for minutes.
 */
export class TunnelGuard {
  readonly #tunnel: OpenTunnel;
  readonly #target: ResolvedTarget;
  readonly #controller = new AbortController();
  readonly #reader = new VerdictReader();
  readonly #tail: Tail;
  readonly #stopWatching: () => void;
  #patience: NodeJS.Timeout | undefined;
  #onAccepted: () => void = () => {};

  constructor(tunnel: OpenTunnel, target: ResolvedTarget) {
    this.#tunnel = tunnel;
    this.#target = target;
    this.#tail = new Tail(tunnel.log, extentOf(tunnel.log));
    this.#stopWatching = watchOrLook(tunnel.log, () => this.#look());
    void tunnel.running.ended.then(() => {
      this.#controller.abort(startFailure(tunnel, "its keeper ended"));
    });
  }

  /** Aborted, with an EfsError as the reason, as soon as the mount cannot succeed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The refusal that the log ends with, if it ends with one. */
  refusal(): EfsError | undefined {
    return this.#refusalOf(this.#verdict());
  }

  /** Whether stunnel has accepted the server. */
  get isProven(): boolean {
    return this.#verdict()?.kind === "accepted";
  }

  /** What the log says of the server so far, for a reader. */
  describe(): string {
    const server = describeServer(this.#target);
    const verdict = this.#verdict();
    if (verdict === undefined) return `TLS: ${server}, port ${NFS_PORT}, has not answered`;
    switch (verdict.kind) {
      case "accepted":
        return `TLS: ${server} is who it should be`;
      case "unreachable":
        return `TLS: ${server} cannot be reached: ${verdict.detail}`;
      default:
        return `TLS: ${server}: ${verdict.kind.replaceAll("-", " ")}`;
    }
  }

  /**
   * Makes the tunnel connect once, before anything is mounted, and waits until it has accepted the server.
   * A server that cannot be reached is nobody's proof: mount.nfs4 judges and retries that.
   *
   * @throws the signal's reason, which is the refusal where there is one
   */
  async serverIsProven(signal: AbortSignal): Promise<void> {
    const accepted = new Promise<void>((resolve) => {
      this.#onAccepted = resolve;
    });
    const connection = this.#tunnel.connect(HANDSHAKE_LIMIT_MS);
    try {
      await Promise.race([accepted, connection.closed, aborted(signal)]);
      this.#look();
      signal.throwIfAborted();
    } finally {
      connection.close();
    }
  }

  stop(): void {
    clearTimeout(this.#patience);
    this.#stopWatching();
    this.#tail.close();
  }

  #refusalOf(verdict: TunnelVerdict | undefined): EfsError | undefined {
    return refusal(verdict, this.#target, this.#tunnel.caFile, this.#tunnel.identity);
  }

  #verdict(): TunnelVerdict | undefined {
    try {
      this.#reader.read(this.#tail.read());
    } catch {
      // what was read before counts
    }
    return this.#reader.verdict;
  }

  #look(): void {
    const verdict = this.#verdict();
    const refused = this.#refusalOf(verdict);
    if (refused !== undefined) this.#controller.abort(refused);
    if (verdict?.kind === "accepted") this.#onAccepted();
    if (verdict?.kind !== "asking-responder") {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      return;
    }
    // how long stunnel took to start tells how long it takes to ask
    const limitMs = Math.max(RESPONDER_LIMIT_MS, this.#tunnel.running.startMs);
    const detail = `nothing within ${(limitMs / 1000).toFixed(1)} s`;
    this.#patience ??= setTimeout(() => {
      this.#controller.abort(responderFailed(verdict.responder, detail));
    }, limitMs);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
