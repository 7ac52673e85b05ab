import { readdirSync } from "node:fs";
import { connectionOf, type TcpConnection } from "../core/nfs/connections.ts";
import { descriptorTarget, socketTable } from "./procfs.ts";

/**
 * The established TCP connections of a process, as far as this process may see them: those of another user's are
 * root's to see.
 */
export function connectionsOf(pid: number): TcpConnection[] {
  try {
    const sockets = new Set(
      readdirSync(`/proc/${pid}/fd`).map((name) => descriptorTarget(pid, Number(name))),
    );
    const connections: TcpConnection[] = [];
    for (const table of ["tcp", "tcp6"] as const) {
      for (const socket of socketTable(pid, table)) {
        const connection = sockets.has(`socket:[${socket.inode}]`) ? connectionOf(socket) : undefined;
        if (connection !== undefined) connections.push(connection);
      }
    }
    return connections;
  } catch {
    return [];
  }
}
