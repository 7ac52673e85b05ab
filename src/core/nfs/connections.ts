/** Where /proc lists the sockets of a network namespace: those of IPv4, and those of IPv6. */
export type TcpTable = "tcp" | "tcp6";

/** A line of /proc/net/tcp or tcp6 (proc(5)). Addresses are hexadecimal words in the byte order of the machine. */
export interface TcpSocket {
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  readonly state: string;
  /** Whose it is; the kernel's sockets are root's. */
  readonly uid: number;
  /** By which a process's descriptor names it. */
  readonly inode: string;
}

/** States of a socket (include/net/tcp_states.h). */
const [ESTABLISHED, SYN_SENT] = ["01", "02"];
export const LISTEN = "0A";

const SOCKET =
  /^ *\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) ([0-9A-F]{8,32}):([0-9A-F]{4}) ([0-9A-F]{2}) \S+ \S+ \S+ +(\d+) +\d+ (\d+)/;

/** Undefined for a line that is none of a socket. */
export function parseSocket(line: string): TcpSocket | undefined {
  const [, here = "", herePort = "", there = "", therePort = "", state = "", uid, inode = ""] =
    SOCKET.exec(line) ?? [];
  if (uid === undefined) return undefined;
  return {
    local: { address: here, port: Number.parseInt(herePort, 16) },
    remote: { address: there, port: Number.parseInt(therePort, 16) },
    state,
    uid: Number(uid),
    inode,
  };
}

const LOOPBACK = "0100007F";
const ANY = "00000000";
/** What stands before an IPv4 address in the table of IPv6. */
const MAPPED = "0000000000000000FFFF0000";

/**
 * The ports of 127.0.0.1 to which the kernel itself or root has, or just makes, a connection as the client. A socket
 * that root has accepted is root's too, and its far port is its client's to choose: it has the address of a listening
 * socket on its own end, or a socket of somebody else's on the other.
 *
 * @param read the sockets of a table; read more than once
 */
export function rootsConnections(read: (table: TcpTable) => Iterable<TcpSocket>): Set<number> {
  const ports = new Map<number, Set<TcpSocket>>();
  for (const socket of read("tcp")) {
    const { local, remote, state, uid } = socket;
    const isOpen = state === ESTABLISHED || state === SYN_SENT;
    if (!isOpen || uid !== 0 || remote.address !== LOOPBACK) continue;
    ports.set(local.port, (ports.get(local.port) ?? new Set()).add(socket));
  }
  for (const table of ports.size === 0 ? [] : (["tcp", "tcp6"] as const)) {
    for (const socket of read(table)) {
      const { local, remote, state } = socket;
      const candidates = ports.get(state === LISTEN ? local.port : remote.port);
      for (const candidate of candidates ?? []) {
        const isAccepted = state === LISTEN ? hasAccepted(socket, candidate) : isOthersEnd(socket, candidate);
        if (isAccepted) candidates?.delete(candidate);
      }
    }
  }
  return new Set([...ports.values()].flatMap((sockets) => Array.from(sockets, ({ remote }) => remote.port)));
}

/** Whether a connection on the port of a listening socket has come through it. */
function hasAccepted({ local }: TcpSocket, candidate: TcpSocket): boolean {
  return candidate.state === ESTABLISHED && [ANY, candidate.local.address].includes(local.address);
}

/** Whether a socket is the other end of a connection, and a user's. */
function isOthersEnd({ local, remote, uid }: TcpSocket, candidate: TcpSocket): boolean {
  const plain = (address: string) => (address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address);
  return (
    uid !== 0 &&
    local.port === candidate.remote.port &&
    plain(local.address) === candidate.remote.address &&
    plain(remote.address) === candidate.local.address
  );
}

/** An established TCP connection. */
export interface TcpConnection {
  /** The other end's. */
  readonly address: string;
  readonly port: number;
  /** The socket's, by which a process's descriptor names it. */
  readonly inode: string;
}

/** The established connection that a socket is one end of, if it is. */
export function connectionOf({ remote, state, inode }: TcpSocket): TcpConnection | undefined {
  if (state !== ESTABLISHED || (remote.address.length !== 8 && remote.address.length !== 32))
    return undefined;
  return { address: addressText(remote.address), port: remote.port, inode };
}

function addressText(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join(".");
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (isMapped) return bytes.slice(12).join(".");
  const groups = Array.from(
    { length: 8 },
    (_, index) => (bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0),
  );
  const text = groups.map((group) => group.toString(16)).join(":");
  // the longest run of zeroes is left out (RFC 5952)
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.sort((one, other) => other.length - one.length)[0];
  if (longest === undefined) return text;
  const at = text.indexOf(longest);
  const [head, tail] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${head}::${tail.replace(/^:/, "")}`;
}
