import { readdirSync } from "node:fs";
import { parseConnections, type TcpConnection } from "../core/nfs/connections.ts";
import { readProcFile } from "./proc-file.ts";
import { descriptorTarget } from "./procfs.ts";

/**
 * The established TCP connections of a process, as far as this process may see them: those of another user's are
 * root's to see.
 */
export function connectionsOf(pid: number): TcpConnection[] {
  try {
    const sockets = new Set(
      readdirSync(`/proc/${pid}/fd`).map((name) => descriptorTarget(pid, Number(name))),
    );
    const tables = ["tcp", "tcp6"].map((table) => readIfThere(`/proc/${pid}/net/${table}`));
    return tables.flatMap(parseConnections).filter(({ inode }) => sockets.has(`socket:[${inode}]`));
  } catch {
    return [];
  }
}

/** Without IPv6, its table is not there. */
function readIfThere(path: string): string {
  try {
    return readProcFile(path);
  } catch {
    return "";
  }
}
