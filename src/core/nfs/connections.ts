/** An established TCP connection. */
export interface TcpConnection {
  /** The other end's. */
  readonly address: string;
  readonly port: number;
  /** The socket's, by which a process's descriptor names it. */
  readonly inode: string;
}

const ESTABLISHED = "01";

/**
 * Reads /proc/net/tcp and tcp6 (proc(5)): lines of `SL LOCAL REMOTE STATE ...`, whose addresses are hexadecimal
 * 32-bit words in the byte order of a little-endian machine. Lines that are not understood are left out.
 */
export function parseConnections(text: string): TcpConnection[] {
  return text.split("\n").flatMap((line) => {
    const [, , remote = "", state, , , , , , inode] = line.trim().split(/\s+/);
    const [, hex = "", port = ""] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(remote) ?? [];
    if (state !== ESTABLISHED || hex === "" || inode === undefined) return [];
    return { address: addressText(hex), port: Number.parseInt(port, 16), inode };
  });
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
