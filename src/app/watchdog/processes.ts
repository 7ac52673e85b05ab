import { posix } from "node:path";
import type { Port } from "../../core/ids.ts";
import { mountingPort } from "../../core/nfs/mount-process.ts";
import { configArgument, roleOf, type TunnelMark } from "../../core/watchdog/processes.ts";
import { readIfThere } from "../../system/files.ts";
import {
  findProcesses,
  lacksSocket,
  listenerInode,
  type ProcessFacts,
  processFacts,
  seesSameDirectory,
} from "../../system/procfs.ts";

/** The living processes of one tunnel. */
export interface TunnelProcesses {
  readonly stunnel: ProcessFacts | undefined;
  readonly keeper: ProcessFacts | undefined;
}

/** Where a tunnel's processes are looked for before all of the machine's are. */
export interface Traces extends TunnelMark {
  /** Process ids from its state file. */
  readonly pids: readonly number[];
  readonly pidFile: string;
  readonly port: Port;
  /** The stunnel that it had, which was seen with the tunnel's socket. */
  readonly known: ProcessFacts | undefined;
}

/**
 * The processes that serve a tunnel: a stunnel without the socket that listens on the tunnel's port is none.
 *
 * @param all as of allProcessesOf
 */
export function processesOf(traces: Traces, all: () => readonly ProcessFacts[]): TunnelProcesses {
  const { stunnel, keeper } = allProcessesOf(traces, all);
  const serves = stunnel !== undefined && (isSame(stunnel, traces.known) || hasPort(stunnel, traces.port));
  return { stunnel: serves ? stunnel : undefined, keeper };
}

/** Who had the socket once has it until he ends. */
function isSame({ pid, startTime }: ProcessFacts, known: ProcessFacts | undefined): boolean {
  return pid === known?.pid && startTime === known.startTime;
}

function hasPort({ pid }: ProcessFacts, port: Port): boolean {
  const inode = listenerInode(port, pid);
  return inode !== undefined && !lacksSocket(pid, inode);
}

/**
 * The processes of a tunnel: those its files name, if they are what they should be, or, where neither of
 * them is there, any of root's that has its configuration among its arguments.
 *
 * @param all all processes that have a stunnel configuration of the state directory among their arguments
 */
export function allProcessesOf(traces: Traces, all: () => readonly ProcessFacts[]): TunnelProcesses {
  const pids = new Set([...traces.pids, pidIn(traces.pidFile)]);
  const named = [...pids]
    .flatMap((pid) => processFacts(pid) ?? [])
    .filter(
      ({ pid, argv }) =>
        roleOf(argv, traces) !== undefined && seesSameDirectory(pid, posix.dirname(traces.config)),
    );
  const found = sorted(named, traces);
  if (found.stunnel !== undefined && found.keeper === undefined) {
    // an adopted stunnel's keeper, where it has one, is its parent
    const parent = processFacts(found.stunnel.parent);
    return parent === undefined ? found : { ...found, keeper: sorted([parent], traces).keeper };
  }
  return found.stunnel === undefined && found.keeper === undefined ? sorted(all(), traces) : found;
}

function sorted(candidates: readonly ProcessFacts[], mark: TunnelMark): TunnelProcesses {
  const having = (role: string) => candidates.find(({ argv }) => roleOf(argv, mark) === role);
  return { stunnel: having("stunnel"), keeper: having("keeper") };
}

function pidIn(path: string): number {
  try {
    return Number(readIfThere(path)?.trim() || Number.NaN);
  } catch {
    return Number.NaN;
  }
}

/**
 * All processes that have a stunnel configuration of this directory among their arguments; those of a
 * container that has another directory there are none.
 */
export function tunnelProcesses(stateDirectory: string): ProcessFacts[] {
  return findProcesses(
    ({ pid, argv }) =>
      configArgument(argv, stateDirectory) !== undefined && seesSameDirectory(pid, stateDirectory),
  );
}

/** The ports for which a mount.nfs4 runs, also one that has outlived its helper. */
export function mountingPorts(): Set<number> {
  const mounting = findProcesses(({ argv }) => mountingPort(argv) !== undefined);
  return new Set(mounting.flatMap(({ argv }) => mountingPort(argv) ?? []));
}
