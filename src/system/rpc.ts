import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { nullCall, readReply } from "../core/watchdog/null-call.ts";

/** `other`: what came back is no answer to the call. `closed`: the connection could not be made, or was closed. */
export type NullOutcome = "answered" | "other" | "silent" | "closed";

/** What came of calling a server. */
export interface NullAnswers {
  readonly outcome: NullOutcome;
  /** When each call was answered, in milliseconds since the connection was begun. */
  readonly answeredMs: readonly number[];
  /** When each call was sent. */
  readonly sentMs: readonly number[];
}

/**
 * Calls the NULL procedure of the NFS server at an address, several times on one connection, one after the other.
 * Nothing within the limit, in milliseconds for all of it, is silence; so is the end of the signal.
 */
export function callNull(
  host: string,
  port: number,
  limitMs: number,
  { times = 1, signal }: { times?: number; signal?: AbortSignal } = {},
): Promise<NullAnswers> {
  const began = performance.now();
  const sentMs: number[] = [];
  const answeredMs: number[] = [];
  return new Promise((resolve) => {
    let transaction = 0;
    let received = Buffer.alloc(0);
    const elapsed = () => performance.now() - began;
    const call = () => {
      transaction = randomBytes(4).readUInt32BE();
      received = Buffer.alloc(0);
      sentMs.push(elapsed());
      socket.write(nullCall(transaction));
    };
    const end = (outcome: NullAnswers["outcome"]) => {
      clearTimeout(limit);
      signal?.removeEventListener("abort", silence);
      socket.destroy();
      // one that has answered lives, whatever became of the next call
      resolve({ outcome: answeredMs.length > 0 ? "answered" : outcome, answeredMs, sentMs });
    };
    const socket = connect({ host, port }, call);
    const silence = () => end(received.length > 0 ? "other" : "silent");
    // an answer that came while this process stood still is read before it counts as late
    const limit = setTimeout(() => setImmediate(silence), limitMs);
    signal?.addEventListener("abort", silence, { once: true });
    socket.on("data", (part) => {
      received = Buffer.concat([received, part]);
      const reading = readReply(received, transaction);
      if (reading === "incomplete") return;
      if (reading === "other") return end("other");
      answeredMs.push(elapsed());
      if (answeredMs.length < times) call();
      else end("answered");
    });
    socket.on("error", () => end("closed"));
    socket.on("close", () => end("closed"));
  });
}
