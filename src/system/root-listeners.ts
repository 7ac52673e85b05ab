import { parseListeners } from "../core/access/listeners.ts";
import { readProcFile } from "./proc-file.ts";

/** The ports of this network namespace on which a process of root's, or the kernel, listens for IPv4 connections. */
export function rootListeners(): Set<number> {
  return new Set(["tcp", "tcp6"].flatMap((table) => parseListeners(readTable(table), 0)));
}

/** Without IPv6, its table is not there. */
function readTable(table: string): string {
  try {
    return readProcFile(`/proc/self/net/${table}`);
  } catch {
    return "";
  }
}
