import { type AccessMode, NO_FILTER_REMEDY, type PortChange } from "../../core/access/mode.ts";
import { asEfsError, EfsError } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import type { Log } from "../../system/log.ts";
import type { BoundPort } from "../../system/network.ts";
import { rootListeners } from "../../system/root-listeners.ts";
import { type FoundFirewall, findFirewall } from "../access/find-firewall.ts";
import type { TunnelNetwork } from "./network.ts";

/** What a mount needs to close its tunnel's port to other users. */
export interface AccessParts {
  readonly mode: AccessMode;
  readonly network: Pick<TunnelNetwork, "namespace" | "bindFirst">;
  /** The file that remembers which program can change the packet filter. */
  readonly cache: string;
  /** Whether there are other tunnels, for which the rules are there already. */
  hasOthers(): boolean;
  readonly log: Pick<Log, "warning">;
}

/** Why a change was not made. */
interface Failure {
  readonly why: string;
  /** Whether that is known from this attempt, and not from an earlier mount's. */
  readonly isNew: boolean;
}

/** Others may win the port between two sockets of ours this often. */
const MOST_ATTEMPTS = 5;

/**
 * Reserves a port that is closed to every user but root, as far as the configuration asks for that.
 *
 * @param reserve binds one, which reserves it
 * @param claim writes down that it is this mount's, before the port is closed; returns how to take that back
 * @throws EfsError (system) where it has to be closed and cannot; nothing is left then
 */
export async function reserveClosedPort(
  reserve: () => Promise<BoundPort>,
  claim: (port: Port) => () => void,
  parts: AccessParts,
): Promise<BoundPort> {
  for (let attempts = 1; ; attempts++) {
    const first = await reserve();
    const { port } = first;
    let unclaim = () => {};
    try {
      unclaim = claim(port);
      if (!(await closePort(port, parts))) return first;
      // with the first socket go connections that others made before the rules were there, and what they have sent
      first.close();
      const second = await parts.network.bindFirst([port]);
      if (second !== undefined) return second;
      if (attempts === MOST_ATTEMPTS) throw portsTaken(port);
    } catch (error) {
      first.close();
      await openPort(port, parts);
      unclaim();
      throw error;
    }
    await openPort(port, parts);
    unclaim();
  }
}

function portsTaken(port: Port): EfsError {
  return new EfsError("system", `another process takes every port on 127.0.0.1, at last ${port}`, {
    hint: "see who listens there: ss -ltnp",
  });
}

/**
 * Closes a port to every user but root. Returns whether it is closed.
 *
 * @throws EfsError (system) where it has to be, and cannot
 */
async function closePort(port: Port, parts: AccessParts): Promise<boolean> {
  if (parts.mode === "any") return false;
  const failure = await change({ close: [port], open: [] }, parts);
  if (failure === undefined) return true;
  const { why, isNew } = failure;
  if (parts.mode === "root") {
    const what = `tunnel_access = root, but other users cannot be kept out of the tunnel: ${why}`;
    throw new EfsError("system", what, { hint: NO_FILTER_REMEDY });
  }
  if (isNew)
    parts.log.warning(
      `Every local user can use the tunnel on port ${port}, as root too: ${why}; ${NO_FILTER_REMEDY}`,
    );
  return false;
}

/**
 * Opens a port again that its tunnel uses no more, unless it is another tunnel's by now. Where that fails, the watchdog
 * tries again.
 */
export async function openPort(port: Port, parts: AccessParts): Promise<void> {
  const { mode, network, log } = parts;
  if (mode === "any") return;
  // while this process holds it, no other helper can reserve it
  const held = await network.bindFirst([port]).catch(() => "unknown" as const);
  if (held === undefined && (network.namespace !== undefined || rootListeners().has(port))) return;
  // where nothing could close it, nothing has to be tried again to open it
  const failure = await change({ close: [], open: [port] }, { ...parts, mode: "auto" });
  if (failure?.isNew) log.warning(`Port ${port} stays closed to other users: ${failure.why}`);
  if (typeof held === "object") held.close();
}

/** Makes a change; where the program that is remembered fails, all of them are tried again. */
async function change(
  wanted: PortChange,
  { mode, network, cache, hasOthers }: AccessParts,
): Promise<Failure | undefined> {
  const find = (again: boolean) => findFirewall(network.namespace, { cache, remembers: true, again });
  let found = await find(false);
  // what did not work some time ago is tried again where it must
  if (found.firewall === undefined && mode === "root" && !found.isNew) found = await find(true);
  const failure = await attempt(wanted, found, hasOthers());
  return failure === undefined || found.isNew || found.firewall === undefined
    ? failure
    : attempt(wanted, await find(true), false);
}

async function attempt(
  wanted: PortChange,
  { firewall, why, isNew }: FoundFirewall,
  areRulesThere: boolean,
): Promise<Failure | undefined> {
  if (firewall === undefined) return { why, isNew };
  try {
    await firewall.change(wanted, areRulesThere);
    return undefined;
  } catch (error) {
    return { why: asEfsError(error).message, isNew: true };
  }
}
