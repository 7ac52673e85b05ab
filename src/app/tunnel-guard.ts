import { readFileSync, statSync, watch } from "node:fs";
import type { EfsError } from "../core/errors.ts";
import type { ResolvedTarget } from "../core/target/target.ts";
import { refusal, responderFailed } from "../core/tunnel/refusal.ts";
import { lastVerdict } from "../core/tunnel/tunnel-log.ts";
import type { OpenTunnel } from "./tls.ts";
import { startFailure } from "./tunnel.ts";

/** How long an OCSP responder may think before it counts as unreachable. */
const RESPONDER_LIMIT_MS = 3500;

/** Watches what a tunnel says of its server while a mount is made. */
export interface TunnelGuard {
  /** Aborted, with the reason, as soon as the mount cannot succeed. */
  readonly signal: AbortSignal;
  /** The refusal that the log ends with, if it ends with one. */
  verdict(): EfsError | undefined;
  stop(): void;
}

/** A server that fails verification ends a mount at once, instead of the NFS client trying for minutes. */
export function guardTunnel(tunnel: OpenTunnel, target: ResolvedTarget): TunnelGuard {
  const controller = new AbortController();
  const start = statSync(tunnel.log, { throwIfNoEntry: false })?.size ?? 0;
  let patience: NodeJS.Timeout | undefined;
  const read = () => {
    try {
      return lastVerdict(readFileSync(tunnel.log).subarray(start).toString("utf8"));
    } catch {
      return undefined;
    }
  };
  const look = () => {
    const verdict = read();
    const error = refusal(verdict, target, tunnel.caFile);
    if (error !== undefined) controller.abort(error);
    if (verdict?.kind !== "asking-responder") {
      clearTimeout(patience);
      patience = undefined;
    } else {
      const detail = `nothing within ${RESPONDER_LIMIT_MS / 1000} s`;
      patience ??= setTimeout(
        () => controller.abort(responderFailed(verdict.responder, detail)),
        RESPONDER_LIMIT_MS,
      );
    }
  };
  const watcher = watch(tunnel.log, look);
  look();
  void tunnel.running.ended.then(() => controller.abort(startFailure(tunnel, "its keeper ended")));
  return {
    signal: controller.signal,
    verdict: () => refusal(read(), target, tunnel.caFile),
    stop: () => {
      clearTimeout(patience);
      watcher.close();
    },
  };
}
