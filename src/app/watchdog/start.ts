import { readlinkSync } from "node:fs";
import { EfsError } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import { FILE_MODES, type TunnelPaths } from "../../core/tunnel/names.ts";
import { fitConfig, savedPort } from "../../core/watchdog/saved-config.ts";
import type { SystemPaths } from "../../paths.ts";
import { makeDirectory, readIfThere, writeAtomically } from "../../system/files.ts";
import type { Log } from "../../system/log.ts";
import { findProcesses, holdsSocket, type Listener, listenerInode, listenerOn } from "../../system/procfs.ts";
import { tunnelNetwork } from "../tunnel/network.ts";
import { outliveOwnUnit } from "../tunnel/scope.ts";
import { type RunningTunnel, startTunnel } from "../tunnel/start.ts";
import type { InstalledStunnel } from "../tunnel/stunnel.ts";

/** A tunnel that is down, as its files describe it. */
export interface DownTunnel {
  readonly name: string;
  readonly port: Port;
  readonly paths: TunnelPaths;
  readonly networkNamespace: string | undefined;
}

/** A tunnel that was started again. */
export interface StartedTunnel extends RunningTunnel {
  readonly stunnelProgram: string;
  readonly inheritsSocket: boolean;
}

/**
 * Starts keeper and stunnel for a tunnel that is down, on its port and with its saved configuration, fitted
 * to the stunnel that is installed now.
 *
 * @throws EfsError (system) where it does not start, naming who has its port where somebody has
 */
export async function startAgain(
  tunnel: DownTunnel,
  programs: Pick<SystemPaths, "keeper" | "socketMaker">,
  installed: InstalledStunnel,
  log: Log,
): Promise<StartedTunnel> {
  const { path: stunnel, capabilities } = await installed.find();
  const { name, port, paths, networkNamespace } = tunnel;
  const saved = readIfThere(paths.stunnelConfig);
  if (saved === undefined || savedPort(saved) !== port) {
    throw new EfsError(
      "system",
      saved === undefined
        ? `${paths.stunnelConfig} is gone`
        : `${paths.stunnelConfig} is not for port ${port}`,
      { hint: "unmount with umount -f and mount again" },
    );
  }
  makeDirectory(paths.directory, FILE_MODES.directory);
  const fitted = fitConfig(saved, paths.pidFile, capabilities);
  if (fitted.changes.length > 0) {
    writeAtomically(paths.stunnelConfig, fitted.text, FILE_MODES.private);
    log.info(`${name}: its configuration now suits ${stunnel}: ${fitted.changes.join(", ")}`);
  }
  const inheritsSocket = capabilities.inheritsSockets;
  const network = tunnelNetwork(networkNamespace, programs.socketMaker);
  const start = async (inScope: boolean) => {
    const socket = inheritsSocket ? await network.bindFirst([port]) : undefined;
    if (inheritsSocket && socket === undefined) throw portTaken(tunnel);
    // nothing may be awaited between the two: a connection that comes in would be accepted here and lost
    const parts = { keeperProgram: programs.keeper, stunnel, paths, port, socket, networkNamespace, inScope };
    const starting = startTunnel(parts);
    socket?.close();
    return starting;
  };
  try {
    return { ...(await outliveOwnUnit(start, log)), stunnelProgram: stunnel, inheritsSocket };
  } catch (error) {
    if (!inheritsSocket && networkNamespace === undefined && listenerInode(port) !== undefined)
      throw portTaken(tunnel, error);
    throw error;
  } finally {
    network.leave();
  }
}

/** Names who listens on a tunnel's port, as far as it can be found out. */
function portTaken({ port, networkNamespace }: DownTunnel, cause?: unknown): EfsError {
  const listener = networkNamespace === undefined ? listenerOn(port) : undefined;
  const who = listener === undefined ? "another process" : holderOf(listener);
  const where = networkNamespace === undefined ? "" : ` in ${networkNamespace}`;
  return new EfsError("system", `port ${port} on 127.0.0.1${where} is taken by ${who}`, {
    hint: `end that process (ss -lntp names it): the tunnel takes port ${port} as soon as it is free`,
    cause,
  });
}

/** Of users' processes none is looked at: there may be many, with many descriptors each. */
function holderOf({ inode, uid }: Listener): string {
  if (uid !== 0) return `a process of uid ${uid}`;
  const holder = findProcesses(({ pid }) => holdsSocket(pid, inode)).at(0);
  return holder === undefined ? "another process" : `process ${holder.pid} (${programOf(holder.pid)})`;
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "unknown program";
  }
}
