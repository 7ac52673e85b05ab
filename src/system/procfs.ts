import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { EfsError } from "../core/errors.ts";
import {
  LISTEN,
  parseSocket,
  rootsConnections,
  type TcpSocket,
  type TcpTable,
} from "../core/nfs/connections.ts";
import { isRootsStatus, parentIn, parseArguments, parseStat } from "../core/process-files.ts";
import type { ProcessIdentity } from "../core/state/state.ts";
import { hasCode, reason } from "./errno.ts";
import { procLines, readProcFile } from "./proc-file.ts";

/** What /proc says of a living process of root's (proc(5)); zombies count as dead. */
export interface ProcessFacts extends ProcessIdentity {
  /** Cut at 128 KiB. */
  readonly argv: readonly string[];
  readonly parent: number;
}

/** Longest argument vector that is read, in bytes. */
const LONGEST_ARGUMENTS = 128 * 1024;
/** In `status`, what is read here stands before the lines that may be long (groups). */
const STATUS_START = 2048;
/** Longer than any `stat`, whose one text is a name of 64 characters at most. */
const LONGEST_STAT = 4096;

/**
 * The process of root's with this pid, or undefined where there is none that lives. Users choose names and argument
 * vectors of their processes, which are not even read: one of 300 MB takes them no memory. A process is root's by its
 * real, effective, saved and file system uid, in this user namespace: a setuid program has three of them.
 *
 * @throws EfsError (system) where that cannot be found out, for want of descriptors or memory: a process that
 * cannot be seen is not dead
 */
export function processFacts(pid: number): ProcessFacts | undefined {
  const facts = factsOf(pid);
  // once more: it may have given root up before its arguments were read
  return facts !== undefined && isRoots(pid) ? facts : undefined;
}

function factsOf(pid: number): ProcessFacts | undefined {
  if (!isRoots(pid)) return undefined;
  const argv = argumentsOf(pid);
  const stat = statOf(pid);
  return argv === undefined || stat === undefined ? undefined : { pid, ...stat, argv };
}

function isRoots(pid: number): boolean {
  return isRootsStatus(readOf(pid, "status", STATUS_START) ?? "");
}

function argumentsOf(pid: number): string[] | undefined {
  const text = readOf(pid, "cmdline", LONGEST_ARGUMENTS);
  return text === undefined ? undefined : parseArguments(text);
}

/** The process that started one, and when it was started; undefined where it does not live. */
function statOf(pid: number): { parent: number; startTime: number } | undefined {
  const stat = readOf(pid, "stat", LONGEST_STAT);
  return stat === undefined ? undefined : parseStat(stat);
}

function readOf(pid: number, file: "status" | "stat" | "cmdline", longest: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  try {
    return readProcFile(`/proc/${pid}/${file}`, longest);
  } catch (cause) {
    if (hasCode(cause, "ENOENT", "ESRCH")) return undefined;
    throw new EfsError("system", `cannot look at process ${pid}: ${reason(cause)}`, {
      hint: "check the limits on open files and memory",
      cause,
    });
  }
}

/** Whether exactly this process still lives. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return statOf(pid)?.startTime === startTime;
}

/** This process, for others to recognise. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 };
}

/** All living processes of root's that the predicate picks; each is read only when the one before is judged. */
export function findProcesses(wanted: (facts: ProcessFacts) => boolean): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (const pid of allPids()) {
    const facts = factsOf(pid);
    if (facts !== undefined && wanted(facts) && isRoots(pid)) found.push(facts);
  }
  return found;
}

/**
 * The living processes that have come of this one and that the predicate picks, with all that have come of these,
 * whoever they run as.
 *
 * @param wanted picks by argument vector among this process's own children
 */
export function descendants(wanted: (argv: readonly string[]) => boolean): ProcessIdentity[] {
  const found = new Map<number, ProcessIdentity>();
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const pid of allPids()) {
      if (found.has(pid)) continue;
      const parent = parentIn(readOf(pid, "status", STATUS_START) ?? "");
      if (parent === undefined) continue;
      const isWanted = () => wanted(argumentsOf(pid) ?? []);
      if (!found.has(parent) && !(parent === process.pid && isWanted())) continue;
      const stat = statOf(pid);
      if (stat !== undefined) found.set(pid, { pid, startTime: stat.startTime });
    }
  }
  return [...found.values()];
}

/** The kernel limits how many there can be (threads-max) by the machine's memory. */
function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

let ownMountNamespace: string | undefined;

/**
 * Whether a path leads a process to the same directory as this one: in another mount namespace, a
 * container's, it may be another directory with the same name.
 */
export function seesSameDirectory(pid: number, path: string): boolean {
  try {
    ownMountNamespace ??= readlinkSync("/proc/self/ns/mnt");
    if (ownMountNamespace === readlinkSync(`/proc/${pid}/ns/mnt`)) return true;
    const [own, seen] = [statSync(path), statSync(resolveUnder(`/proc/${pid}/root`, path))];
    return own.dev === seen.dev && own.ino === seen.ino;
  } catch {
    return false;
  }
}

const MOST_LINKS = 40;

/** A path as it is found below another root directory, whose links are absolute below it too. */
function resolveUnder(root: string, path: string): string {
  const rest = path.split("/");
  const done: string[] = [];
  for (let links = 0; rest.length > 0; ) {
    const name = rest.shift() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      done.pop();
      continue;
    }
    const here = [root, ...done, name].join("/");
    if (!lstatSync(here).isSymbolicLink()) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) throw new Error(`${path} has too many links`);
    const target = readlinkSync(here);
    if (target.startsWith("/")) done.length = 0;
    rest.unshift(...target.split("/"));
  }
  return [root, ...done].join("/");
}

/** What a descriptor of a process refers to, `socket:[INODE]` for a socket; undefined where it is not open. */
export function descriptorTarget(pid: number | "self", descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}

/** Whether the process, one of root's, has the socket with this inode open. */
export function holdsSocket(pid: number, inode: string): boolean {
  return hasSocket(pid, inode) === true;
}

/** Whether it is certain that the process has it not: not everybody may look at its descriptors. */
export function lacksSocket(pid: number, inode: string): boolean {
  return hasSocket(pid, inode) === false;
}

function hasSocket(pid: number, inode: string): boolean | undefined {
  try {
    const descriptors = readdirSync(`/proc/${pid}/fd`);
    return descriptors.some((name) => descriptorTarget(pid, Number(name)) === `socket:[${inode}]`);
  } catch {
    return undefined;
  }
}

/** Addresses at which connections to 127.0.0.1 arrive, as /proc writes them: its own, IPv4's and IPv6's any. */
const LISTENING_FOR_LOCAL: readonly [table: TcpTable, addresses: readonly string[]][] = [
  ["tcp", ["0100007F", "00000000"]],
  ["tcp6", ["0000000000000000FFFF00000100007F", "00000000000000000000000000000000"]],
];

/** A socket that listens where connections to 127.0.0.1 arrive. */
export interface Listener {
  readonly port: number;
  readonly inode: string;
  /** Whose it is. */
  readonly uid: number;
}

/** Those in the network namespace of `pid` (/proc/PID/net/tcp and tcp6, proc(5)). */
function* localListeners(pid: number | "self"): Generator<Listener> {
  for (const [table, addresses] of LISTENING_FOR_LOCAL) {
    for (const { local, state, uid, inode } of socketTable(pid, table))
      if (state === LISTEN && addresses.includes(local.address)) yield { port: local.port, inode, uid };
  }
}

/** The socket that gets the connections to 127.0.0.1:`port`, in the network namespace of `pid`. */
export function listenerOn(port: number, pid: number | "self" = "self"): Listener | undefined {
  for (const listener of localListeners(pid)) if (listener.port === port) return listener;
  return undefined;
}

/** The inode of that socket. */
export function listenerInode(port: number, pid: number | "self" = "self"): string | undefined {
  return listenerOn(port, pid)?.inode;
}

/** The ports of 127.0.0.1 that somebody listens on. */
export function listeningPorts(): number[] {
  return Array.from(localListeners("self"), ({ port }) => port);
}

/**
 * The ports of 127.0.0.1 to which the kernel itself or root has, or just makes, a TCP connection, in the network
 * namespace of `pid`. Connections that root has accepted do not count.
 */
export function connectedPorts(pid: number | "self"): Set<number> {
  return rootsConnections((table) => socketTable(pid, table));
}

/** The sockets of a network namespace, that of `pid`, one by one; none where the kernel has no such protocol. */
export function* socketTable(pid: number | "self", table: TcpTable): Generator<TcpSocket> {
  try {
    for (const line of procLines(`/proc/${pid}/net/${table}`)) {
      const socket = parseSocket(line);
      if (socket !== undefined) yield socket;
    }
  } catch {
    // the process is gone, or the kernel has no such protocol
  }
}
