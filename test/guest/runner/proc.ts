/** What /proc says of processes, sockets and mounts. Nothing here touches a mounted file system. */
import { readdirSync, readFileSync } from "node:fs";

export interface Process {
  pid: number;
  parent: number;
  group: number;
  /** The kernel's name for it, 15 characters at most. */
  name: string;
  argv: string[];
  /** In clock ticks since boot: with the pid, it names a process for good. */
  started: number;
}

/** kthreadd, the parent of the kernel's threads and of the programs that it starts, such as bpfilter_umh. */
const KERNEL = "2";

/** Every process but zombies and the kernel's own. */
export function processes(): Process[] {
  const found: Process[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const process = readProcess(Number(entry));
    if (process !== undefined) found.push(process);
  }
  return found;
}

export function readProcess(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, parent, group] = fields;
    if (state === "Z" || state === "X" || argv.length === 0 || parent === KERNEL) return undefined;
    return { pid, parent: Number(parent), group: Number(group), name, argv, started: Number(fields[19]) };
  } catch {
    return undefined; // It has ended meanwhile.
  }
}

export interface Listener {
  address: string;
  port: number;
  inode: number;
}

/** TCP sockets that listen, IPv4 and IPv6. */
export function listeners(): Listener[] {
  return [...readSockets("/proc/net/tcp"), ...readSockets("/proc/net/tcp6")];
}

function readSockets(path: string): Listener[] {
  const listening = "0A";
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listening)
    .map((fields) => {
      const [address = "", port = "0"] = (fields[1] ?? "").split(":");
      return { address: dotted(address), port: Number.parseInt(port, 16), inode: Number(fields[9]) };
    });
}

function dotted(hex: string): string {
  if (hex.length !== 8) return hex;
  const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return bytes.join(".");
}

export interface Mount {
  device: string;
  path: string;
  type: string;
  /** `rw` → "", `port=20049` → "20049". */
  options: Map<string, string>;
  line: string;
}

export function mountTable(): Mount[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [device = "", path = "", type = "", options = ""] = line.split(" ");
      const pairs = options.split(",").map((option): [string, string] => {
        const at = option.indexOf("=");
        return at < 0 ? [option, ""] : [option.slice(0, at), option.slice(at + 1)];
      });
      return { device, path: unescaped(path), type, options: new Map(pairs), line };
    });
}

function unescaped(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The NFS client's own list of servers that it still knows: `address port` of each. */
export function kernelClients(): { address: string; port: number }[] {
  let text: string;
  try {
    text = readFileSync("/proc/fs/nfsfs/servers", "utf8");
  } catch {
    return []; // No NFS client in this kernel yet.
  }
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 3)
    .map((fields) => ({
      address: dottedBigEndian(fields[1] ?? ""),
      port: Number.parseInt(fields[2] ?? "", 16),
    }));
}

function dottedBigEndian(hex: string): string {
  return hex.length === 8
    ? [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".")
    : hex;
}

/** Seconds since the guest booted. */
export function uptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}
