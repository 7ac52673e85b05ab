import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { EfsError } from "../core/errors.ts";
import type { ProcessIdentity } from "../core/state/state.ts";
import { hasCode, reason } from "./files.ts";
import { readProcFile } from "./proc-file.ts";

/** What /proc says of a living process (proc(5)); zombies count as dead. */
export interface ProcessFacts extends ProcessIdentity {
  readonly argv: readonly string[];
  readonly parent: number;
}

/**
 * The process with this pid, or undefined where there is none that lives.
 *
 * @throws EfsError (system) where that cannot be found out, for want of descriptors or memory: a process that
 * cannot be seen is not dead
 */
export function processFacts(pid: number): ProcessFacts | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  try {
    const stat = readProcFile(`/proc/${pid}/stat`);
    // the name in parentheses may hold anything: the fields begin behind its last bracket
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, parent] = fields;
    if (state === "Z" || state === "X") return undefined;
    const argv = readProcFile(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
    return { pid, startTime: Number(fields[19]), parent: Number(parent), argv };
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
  return processFacts(pid)?.startTime === startTime;
}

/** This process, for others to recognise. */
export function ownIdentity(): ProcessIdentity {
  const facts = processFacts(process.pid);
  return { pid: process.pid, startTime: facts?.startTime ?? 0 };
}

/** All living processes that the predicate picks. */
export function findProcesses(wanted: (facts: ProcessFacts) => boolean): ProcessFacts[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processFacts(Number(name)) ?? [])
    .filter(wanted);
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

/** Whether the process has the socket with this inode open. */
export function holdsSocket(pid: number, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      (name) => descriptorTarget(pid, Number(name)) === `socket:[${inode}]`,
    );
  } catch {
    return false;
  }
}

/** Addresses at which connections to 127.0.0.1 arrive, as /proc writes them: its own, IPv4's and IPv6's any. */
const LISTENING_FOR_LOCAL: readonly [table: string, addresses: readonly string[]][] = [
  ["tcp", ["0100007F", "00000000"]],
  ["tcp6", ["0000000000000000FFFF00000100007F", "00000000000000000000000000000000"]],
];

/** A socket that listens where connections to 127.0.0.1 arrive. */
interface Listener {
  readonly port: number;
  readonly inode: string;
}

/** Those in the network namespace of `pid` (/proc/PID/net/tcp and tcp6, proc(5)). */
function localListeners(pid: number | "self"): Listener[] {
  const LISTEN = "0A";
  return LISTENING_FOR_LOCAL.flatMap(([table, addresses]) =>
    socketTable(`/proc/${pid}/net/${table}`).flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address = "", port = ""] = fields[1]?.split(":") ?? [];
      if (fields[3] !== LISTEN || !addresses.includes(address)) return [];
      return { port: Number.parseInt(port, 16), inode: fields[9] ?? "" };
    }),
  );
}

/** The inode of the socket that gets the connections to 127.0.0.1:`port`, in the network namespace of `pid`. */
export function listenerInode(port: number, pid: number | "self" = "self"): string | undefined {
  return localListeners(pid).find((listener) => listener.port === port)?.inode;
}

/** The ports of 127.0.0.1 that somebody listens on. */
export function listeningPorts(): number[] {
  return localListeners("self").map(({ port }) => port);
}

/**
 * The ports of 127.0.0.1 to which the kernel itself or root has, or just makes, a TCP connection, in the network
 * namespace of `pid`.
 */
export function connectedPorts(pid: number | "self"): Set<number> {
  const [ESTABLISHED, SYN_SENT, ROOT] = ["01", "02", "0"];
  const ports = new Set<number>();
  for (const line of socketTable(`/proc/${pid}/net/tcp`)) {
    const [, , remote = "", state = "", , , , uid] = line.trim().split(/\s+/);
    const [address, port = ""] = remote.split(":");
    if (address !== "0100007F" || uid !== ROOT || (state !== ESTABLISHED && state !== SYN_SENT)) continue;
    ports.add(Number.parseInt(port, 16));
  }
  return ports;
}

function socketTable(path: string): string[] {
  try {
    return readProcFile(path).split("\n");
  } catch {
    // the process is gone, or the kernel has no such protocol
    return [];
  }
}
