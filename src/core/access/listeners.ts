const LISTEN = "0A";

/** The ports on which sockets of a user listen, in /proc/net/tcp or tcp6 (proc(5)). */
export function parseListeners(table: string, uid: number): number[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , owner] = line.trim().split(/\s+/);
    const port = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
    return state === LISTEN && owner === String(uid) && port > 0 ? [port] : [];
  });
}
