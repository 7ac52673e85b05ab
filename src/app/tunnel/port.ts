import { existsSync, readdirSync } from "node:fs";
import type { Settings } from "../../core/config/keys.ts";
import { EfsError } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import { classifyEntry } from "../../core/tunnel/names.ts";
import type { BoundPort } from "../../system/network.ts";
import { OWN_NETWORK, type TunnelNetwork } from "./network.ts";

/**
 * Reserves a local port of a network by binding it: the given one, or one of the configured range at random.
 * Ports that state files claim are passed over, also where their tunnel is down at the moment.
 *
 * @param random from 0 up to, not including, 1
 * @throws EfsError (config) for a range without ports, (system) where no port is free
 */
export async function reservePort(
  given: Port | undefined,
  settings: Settings,
  stateDirectory: string,
  random: number,
  network: TunnelNetwork = OWN_NETWORK,
): Promise<BoundPort> {
  const loopback = network.namespace === undefined ? "127.0.0.1" : `127.0.0.1 in ${network.namespace}`;
  if (given !== undefined) {
    const bound = await network.bindFirst([given]);
    if (bound !== undefined) return bound;
    throw new EfsError("system", `port ${given} on ${loopback} is in use`, {
      hint: "choose another one with tlsport=N, or leave tlsport out",
    });
  }
  const [first, end] = [settings.port_range_lower_bound, settings.port_range_upper_bound];
  if (first >= end) {
    throw new EfsError("config", `the port range from ${first} to ${end} is empty`, {
      hint: "set port_range_lower_bound below port_range_upper_bound in [mount] of efs-utils.conf",
    });
  }
  const claimed = claimedPorts(stateDirectory);
  const count = end - first;
  const start = Math.floor(random * count);
  const ports = Array.from({ length: count }, (_, step) => (first + ((start + step) % count)) as Port);
  const bound = await network.bindFirst(ports.filter((port) => !claimed.has(port)));
  if (bound !== undefined) return bound;
  throw new EfsError("system", `no port from ${first} to ${end - 1} is free on ${loopback}`, {
    hint: "unmount what is not needed, or widen the range with port_range_upper_bound in [mount] of efs-utils.conf",
  });
}

/** The ports that state files in the directory claim, whichever helper made them. */
export function claimedPorts(stateDirectory: string): Set<number> {
  if (!existsSync(stateDirectory)) return new Set();
  const ports = readdirSync(stateDirectory)
    .map(classifyEntry)
    .flatMap((entry) => (entry.kind === "state" || entry.kind === "unfinished" ? [entry.port] : []));
  return new Set(ports);
}
