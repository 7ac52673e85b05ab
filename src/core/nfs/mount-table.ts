import { asPort, type Port, parsePort } from "../ids.ts";

/** A mount as /proc/PID/mountinfo lists it (proc(5)). */
export interface MountEntry {
  readonly id: number;
  /** `major:minor` of the file system, the name of its bdi. */
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
  readonly superOptions: string;
}

/** Reads mountinfo; lines that are not understood are left out. */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split("\n").flatMap((line) => {
    const separator = line.indexOf(" - ");
    if (separator === -1) return [];
    const [id, , device, , mountPoint] = line.slice(0, separator).split(" ");
    const [type, source, superOptions = ""] = line.slice(separator + 3).split(" ");
    if (!/^\d{1,15}$/.test(id ?? "")) return [];
    if (device === undefined || mountPoint === undefined || type === undefined || source === undefined)
      return [];
    return {
      id: Number(id),
      device,
      mountPoint: unescaped(mountPoint),
      type,
      source: unescaped(source),
      superOptions,
    };
  });
}

/** A text as it was before the kernel, or an author of fstab, wrote blanks, tabs, newlines and backslashes as \ooo. */
export function unescaped(text: string): string {
  // escaped bytes are ASCII, so what else is in the text stays as it was decoded
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** The local port that an NFS mount through a tunnel uses, or undefined where it is none. */
export function tunnelPort(entry: MountEntry): Port | undefined {
  if (!entry.type.startsWith("nfs") || !/(^|,)addr=127\.0\.0\.1(,|$)/.test(entry.superOptions))
    return undefined;
  const port = /(?:^|,)port=(\d+)/.exec(entry.superOptions)?.[1];
  return port === undefined ? undefined : parsePort(port);
}

/** The topmost mount at a place: of several, the last one covers the others. */
export function mountedAt(entries: readonly MountEntry[], mountPoint: string): MountEntry | undefined {
  return entries.findLast((entry) => entry.mountPoint === mountPoint);
}

/**
 * The local ports that the kernel's NFS clients use, from /proc/fs/nfsfs/servers: lines of
 * `NV SERVER PORT USE HOSTNAME`, address and port in hexadecimal.
 */
export function parseNfsServers(text: string): Set<number> {
  const ports = new Set<number>();
  for (const line of text.split("\n")) {
    const [, server, port] = line.trim().split(/\s+/);
    if (server?.toLowerCase() !== "7f000001" || !/^[0-9a-f]+$/i.test(port ?? "")) continue;
    const number = asPort(Number.parseInt(port ?? "", 16));
    if (number !== undefined) ports.add(number);
  }
  return ports;
}
