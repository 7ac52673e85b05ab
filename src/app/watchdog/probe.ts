import type { Probe } from "../../core/watchdog/health.ts";
import { savedTarget } from "../../core/watchdog/saved-config.ts";
import { readIfThere } from "../../system/files.ts";
import { isReachable } from "../../system/network.ts";
import { callNull } from "../../system/rpc.ts";

const DIRECT_LIMIT_MS = 5000;

/** Asks the server of a tunnel for a sign of life through it, and, where none comes, looks for it directly. */
export async function probe(port: number, stunnelConfig: string, limitMs: number): Promise<Probe> {
  const { outcome: said } = await callNull("127.0.0.1", port, limitMs);
  if (said === "answered") return said;
  const outcome = said === "silent" ? said : "closed";
  const target = savedTarget(readIfThere(stunnelConfig) ?? "");
  if (target === undefined) return "unreachable";
  return (await isReachable(target.host, target.port, DIRECT_LIMIT_MS)) ? outcome : "unreachable";
}
