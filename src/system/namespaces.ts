import { readFileSync, readlinkSync } from "node:fs";
import type { Namespaces, ProcessIdentity } from "../core/state/state.ts";
import { readProcFile } from "./proc-file.ts";
import { findProcesses, isAlive } from "./procfs.ts";

/** The machine's first pid namespace, in which all processes are seen; the kernel gives it this number always. */
const FIRST_PID_NAMESPACE = 4_026_531_836;

let own: Namespaces | undefined;

/**
 * The namespaces of this process; a pid means nothing in another one. Undefined where the kernel does not tell.
 */
export function ownNamespaces(): Namespaces | undefined {
  try {
    own ??= {
      boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
      pid: namespaceOf("self", "pid"),
      net: namespaceOf("self", "net"),
    };
    return own;
  } catch {
    return undefined;
  }
}

function namespaceOf(pid: number | "self", kind: "pid" | "net"): number {
  const inode = /^\w+:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/${kind}`))?.[1];
  if (inode === undefined) throw new Error(`/proc/${pid}/ns/${kind} is no namespace`);
  return Number(inode);
}

/** The network namespace of a process; undefined where there is no such process. */
export function networkNamespaceOf(pid: number): number | undefined {
  try {
    return namespaceOf(pid, "net");
  } catch {
    return undefined;
  }
}

/** Where something was written down about processes, as seen from here. */
export type Whereabouts =
  /** In our pid namespace, or by a helper that does not say. */
  | "here"
  /** In another one, of which it cannot be said whether it is there still. */
  | "elsewhere"
  /** Before the machine was started. */
  | "gone";

export function whereabouts(recorded: Namespaces | undefined, ours = ownNamespaces()): Whereabouts {
  if (recorded === undefined || ours === undefined) return "here";
  if (recorded.boot !== ours.boot) return "gone";
  return recorded.pid === ours.pid ? "here" : "elsewhere";
}

/** What is known of a process that somebody has written down: whether it lives. */
export function lifeOf(
  identity: ProcessIdentity,
  recorded: Namespaces | undefined,
): "alive" | "dead" | "unknown" {
  switch (whereabouts(recorded)) {
    case "here":
      return isAlive(identity) ? "alive" : "dead";
    case "gone":
      return "dead";
    case "elsewhere":
      if (recorded !== undefined && isAliveIn(recorded.pid, identity)) return "alive";
      return seesAll() ? "dead" : "unknown";
  }
}

/** Whether no process is hidden from this one by its pid namespace. */
export function seesAll(): boolean {
  return ownNamespaces()?.pid === FIRST_PID_NAMESPACE;
}

/** Whether a process lives that has this pid in a namespace below ours. */
function isAliveIn(namespace: number, { pid, startTime }: ProcessIdentity): boolean {
  return (
    findProcesses((facts) => {
      if (facts.startTime !== startTime) return false;
      try {
        // its pids from ours down to its own, proc(5)
        const pids = /^NSpid:\s+(.*)$/m.exec(readProcFile(`/proc/${facts.pid}/status`))?.[1];
        return pids?.split(/\s+/).at(-1) === String(pid) && namespaceOf(facts.pid, "pid") === namespace;
      } catch {
        // it has ended
        return false;
      }
    }).length > 0
  );
}
