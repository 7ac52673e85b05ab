import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Probe } from "../../core/supervise/health.ts";
import { nullCall, readReply } from "../../core/supervise/null-call.ts";
import { savedTarget } from "../../core/supervise/saved-config.ts";
import { readIfThere } from "../../system/files.ts";
import { isReachable } from "../../system/network.ts";

const DIRECT_LIMIT_MS = 5000;

/** Asks the server of a tunnel for a sign of life through it, and, where none comes, looks for it directly. */
export async function probe(port: number, stunnelConfig: string, limitMs: number): Promise<Probe> {
  const answer = await askNull(port, limitMs);
  if (answer === "answered") return answer;
  const target = savedTarget(readIfThere(stunnelConfig) ?? "");
  if (target === undefined) return "unreachable";
  return (await isReachable(target.host, target.port, DIRECT_LIMIT_MS)) ? answer : "unreachable";
}

/** Calls the NULL procedure of the NFS server behind a local port. Nothing within the limit is silence. */
export function askNull(port: number, limitMs: number): Promise<"answered" | "silent" | "closed"> {
  return new Promise((resolve) => {
    const transaction = randomBytes(4).readUInt32BE();
    let received = Buffer.alloc(0);
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(nullCall(transaction)));
    const limit = setTimeout(() => end("silent"), limitMs);
    const end = (outcome: "answered" | "silent" | "closed") => {
      clearTimeout(limit);
      socket.destroy();
      resolve(outcome);
    };
    socket.on("data", (part) => {
      received = Buffer.concat([received, part]);
      const reading = readReply(received, transaction);
      if (reading !== "incomplete") end(reading === "reply" ? "answered" : "closed");
    });
    socket.on("error", () => end("closed"));
    socket.on("close", () => end("closed"));
  });
}
