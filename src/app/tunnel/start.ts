import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { posix } from "node:path";
import { EfsError } from "../../core/errors.ts";
import type { Command } from "../../core/nfs/command.ts";
import type { ProcessIdentity } from "../../core/state/state.ts";
import { printable } from "../../core/text.ts";
import { FILE_MODES, type TunnelPaths } from "../../core/tunnel/names.ts";
import { complaints } from "../../core/tunnel/tunnel-log.ts";
import { roleOf } from "../../core/watchdog/processes.ts";
import { readIfThere } from "../../system/files.ts";
import { makeLifeline } from "../../system/lifeline.ts";
import type { BoundPort } from "../../system/network.ts";
import { type DetachedProcess, startDetached } from "../../system/process.ts";
import {
  descriptorTarget,
  findProcesses,
  holdsSocket,
  isAlive,
  listenerInode,
  type ProcessFacts,
  processFacts,
  seesSameDirectory,
} from "../../system/procfs.ts";
import { endWithin, sendSignal } from "../../system/signals.ts";
import { scopeCommand } from "../../system/systemd.ts";
import { watchPath } from "../../system/watch.ts";

/** What a tunnel is started from. */
export interface TunnelStart {
  readonly keeperProgram: string;
  readonly stunnel: string;
  readonly paths: TunnelPaths;
  readonly port: number;
  /** The listening socket to inherit; undefined where stunnel binds for itself. */
  readonly socket: BoundPort | undefined;
  readonly networkNamespace: string | undefined;
  /** Whether it runs in a scope of systemd's, see `outliveOwnUnit`. */
  readonly inScope?: boolean;
  /** How long stunnel may take until it listens, in milliseconds; a minute where nothing is said. */
  readonly limitMs?: number;
}

/** A tunnel that listens. */
export interface RunningTunnel {
  readonly keeper: ProcessIdentity;
  readonly stunnel: ProcessIdentity;
  /** How long it took until it listened, in milliseconds: a few tens on a machine that is not busy. */
  readonly startMs: number;
  /** Resolves when the keeper ends while this process still runs. */
  readonly ended: Promise<unknown>;
}

/** stunnel is up in milliseconds, but not on a machine that swaps, or starts dozens of them at once. */
const START_LIMIT_MS = 60_000;
/** How long keeper and stunnel have to end in order. */
const STOP_LIMIT_MS = 3000;
/** How long a change in the directory is waited for before it is looked again; not every directory can be watched. */
const LOOK_MS = 100;

/**
 * Starts keeper and stunnel and proves that the port's listener is that stunnel.
 *
 * @throws EfsError (system) with what stunnel said, where it does not start; the keeper has ended then
 */
export async function startTunnel(start: TunnelStart, signal?: AbortSignal): Promise<RunningTunnel> {
  const log = openSync(start.paths.log, "a", FILE_MODES.private);
  const logStart = fstatSync(log).size;
  const begin = performance.now();
  const { limitMs = START_LIMIT_MS } = start;
  const lifeline = makeLifeline(start.paths.directory);
  let child: DetachedProcess;
  try {
    const { file, args } = keeperCommand(start);
    child = startDetached(file, args, {
      output: log,
      descriptors: [start.socket?.descriptor ?? "ignore", lifeline ?? "ignore"],
    });
  } finally {
    if (lifeline !== undefined) closeSync(lifeline);
    closeSync(log);
  }
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  const keeper = identityOf(child.pid);
  const changes = changesIn(start.paths.directory);
  try {
    for (;;) {
      const stunnel = provenListener(start, child.pid);
      const startMs = performance.now() - begin;
      if (stunnel !== undefined && keeper !== undefined) {
        return { keeper, stunnel, startMs, ended: child.ended };
      }
      signal?.throwIfAborted();
      if (ended) throw startFailure({ ...start, logStart }, "stunnel ended at once");
      if (startMs > limitMs) {
        const late = `stunnel was not ready within ${(limitMs / 1000).toFixed(1)} s`;
        throw startFailure({ ...start, logStart }, late);
      }
      await Promise.race([changes.next(), child.ended, pause(LOOK_MS)]);
    }
  } catch (error) {
    if (keeper !== undefined) await stopTunnel({ keeper, stunnelConfig: start.paths.stunnelConfig });
    throw error;
  } finally {
    changes.stop();
  }
}

function keeperCommand(start: TunnelStart): Command {
  const { keeperProgram, stunnel, paths, socket, networkNamespace, inScope } = start;
  const args = [stunnel, paths.stunnelConfig, paths.directory, ...(socket === undefined ? [] : ["socket"])];
  const entered =
    networkNamespace === undefined
      ? { file: keeperProgram, args }
      : { file: "/usr/bin/nsenter", args: [`--net=${networkNamespace}`, keeperProgram, ...args] };
  return inScope ? scopeCommand(entered, `EFS tunnel ${posix.basename(paths.stateFile)}`) : entered;
}

/** The stunnel that the keeper started, once it is certain that it has the port's listening socket. */
function provenListener(
  { paths, port, socket }: TunnelStart,
  keeperPid: number,
): ProcessIdentity | undefined {
  const facts = stunnelOf(paths);
  if (facts === undefined || facts.parent !== keeperPid) return undefined;
  const { pid, startTime } = facts;
  const inode = socket === undefined ? listenerInode(port, pid) : undefined;
  const proven =
    socket === undefined
      ? inode !== undefined && holdsSocket(pid, inode)
      : descriptorTarget(pid, INHERITED_DESCRIPTOR) === socket.name;
  return proven ? { pid, startTime } : undefined;
}

const INHERITED_DESCRIPTOR = 3;

/** The living stunnel that a tunnel's pid file names, recognised by its configuration. */
export function stunnelOf(paths: Pick<TunnelPaths, "pidFile" | "stunnelConfig">): ProcessFacts | undefined {
  const pid = Number(readIfThere(paths.pidFile)?.trim() || Number.NaN);
  const facts = processFacts(pid);
  return facts?.argv.includes(paths.stunnelConfig) ? facts : undefined;
}

/** Why a tunnel does not run, in stunnel's own words. */
export function startFailure(
  { paths, stunnel, logStart = 0 }: Pick<TunnelStart, "paths" | "stunnel"> & { readonly logStart?: number },
  what: string,
): EfsError {
  const said = printable(
    complaints(
      Buffer.from(readIfThere(paths.log) ?? "")
        .subarray(logStart)
        .toString("utf8"),
    ),
  );
  return new EfsError("system", `the tunnel does not start: ${what}${said === "" ? "" : `: ${said}`}`, {
    hint: `check ${stunnel} and the certificate and authority files it is given`,
  });
}

function identityOf(pid: number): ProcessIdentity | undefined {
  const facts = processFacts(pid);
  return facts === undefined ? undefined : { pid, startTime: facts.startTime };
}

/** What a tunnel is recognised by when it is to end. */
export interface TunnelToStop {
  readonly keeper: ProcessIdentity | undefined;
  readonly stunnelConfig: string;
}

/**
 * Ends keeper and stunnel: asked first, forced after a while. Processes are recognised by identity, or by
 * having this tunnel's configuration among their arguments; nothing else gets a signal.
 */
export async function stopTunnel({ keeper, stunnelConfig }: TunnelToStop): Promise<void> {
  if (keeper !== undefined && isAlive(keeper)) {
    sendSignal(keeper, "SIGTERM");
    if (await endWithin([keeper], STOP_LIMIT_MS)) return;
  }
  const mark = { config: stunnelConfig, cmd: [] };
  const directory = posix.dirname(stunnelConfig);
  // an editor has the configuration among its arguments too, and a container may have a tunnel of that name
  await endProcesses(
    ({ pid, argv }) => roleOf(argv, mark) !== undefined && seesSameDirectory(pid, directory),
  );
}

/** Ends the processes of root's that the predicate picks, this one aside: asked first, forced after a while. */
export async function endProcesses(wanted: (facts: ProcessFacts) => boolean): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const processes = findProcesses((facts) => facts.pid !== process.pid && wanted(facts));
    for (const identity of processes) sendSignal(identity, signal);
    if (processes.length === 0 || (await endWithin(processes, STOP_LIMIT_MS))) return;
  }
}

/** Deletes everything a tunnel has in the state directory. */
export function removeTunnelFiles(paths: TunnelPaths): void {
  for (const file of [paths.stunnelConfig, paths.stateFile, paths.unfinishedStateFile])
    rmSync(file, { force: true });
  rmSync(paths.directory, { force: true, recursive: true });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Changes in a directory, one after the other; those that come while nobody waits are not lost. There are none where it
 * cannot be watched.
 */
function changesIn(directory: string): { next(): Promise<void>; stop(): void } {
  let wake: () => void = () => {};
  let pending = false;
  const stop = watchPath(directory, () => {
    pending = true;
    wake();
  });
  return {
    next: () =>
      new Promise((resolve) => {
        wake = () => {
          pending = false;
          resolve();
        };
        if (pending) wake();
      }),
    stop: () => stop?.(),
  };
}
