import type { Port } from "../ids.ts";
import { hostForNfs, type ResolvedTarget } from "../location/target.ts";
import { joinOptions, type MountOption } from "../request/options.ts";
import type { MountRequest } from "../request/request.ts";

/** Where the NFS client connects: straight to the file system, or to the local end of a tunnel. */
export type NfsServer =
  | { readonly kind: "direct"; readonly target: ResolvedTarget }
  | { readonly kind: "tunnel"; readonly port: Port };

/** A program and its arguments. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** What AWS recommends for EFS, each added only where the user gave neither it nor what contradicts it. */
const DEFAULTS: readonly { option: MountOption; rivals: readonly string[] }[] = [
  { option: { name: "nfsvers", value: "4.1" }, rivals: ["vers", "v3", "v4", "v4.0", "v4.1", "v4.2"] },
  { option: { name: "rsize", value: "1048576" }, rivals: [] },
  { option: { name: "wsize", value: "1048576" }, rivals: [] },
  { option: { name: "hard", value: undefined }, rivals: ["soft", "softerr"] },
  { option: { name: "timeo", value: "600" }, rivals: [] },
  { option: { name: "retrans", value: "2" }, rivals: [] },
  { option: { name: "noresvport", value: undefined }, rivals: ["resvport"] },
];

/** The options for mount.nfs4 (nfs(5)): the user's, the defaults, and the tunnel's port. */
export function nfsOptions(given: readonly MountOption[], server?: NfsServer): MountOption[] {
  const has = (name: string) => given.some((option) => option.name === name);
  const missing = DEFAULTS.filter(({ option, rivals }) => ![option.name, ...rivals].some(has));
  return [
    ...given,
    ...missing.map(({ option }) => option),
    ...(server?.kind === "tunnel" ? [{ name: "port", value: String(server.port) }] : []),
  ];
}

/** The device as mount.nfs4 gets it and as the mount table shows it. */
export function nfsDevice(server: NfsServer, remotePath: string): string {
  return server.kind === "tunnel" ? `127.0.0.1:${remotePath}` : `${hostForNfs(server.target)}:${remotePath}`;
}

/** The command that mounts, entering the namespaces that were asked for (nsenter(1)). */
export function mountCommand(request: MountRequest, server: NfsServer, mountNfs: string): Command {
  const options = joinOptions(nfsOptions(request.nfsOptions, server));
  return inNamespaces(request, {
    file: mountNfs,
    args: [nfsDevice(server, request.remotePath), request.mountPoint, "-o", options],
  });
}

/** A command as it is run in the namespaces of the request. */
export function inNamespaces(
  { networkNamespace, mountNamespace }: Pick<MountRequest, "networkNamespace" | "mountNamespace">,
  { file, args }: Command,
): Command {
  const entered = [
    ...(networkNamespace === undefined ? [] : [`--net=${networkNamespace}`]),
    ...(mountNamespace === undefined ? [] : [`--mount=${mountNamespace}`]),
  ];
  return entered.length === 0
    ? { file, args }
    : { file: "/usr/bin/nsenter", args: [...entered, file, ...args] };
}

/** The read size in force, in bytes. */
export function readSize(options: readonly MountOption[]): number | undefined {
  const value = options.findLast(({ name }) => name === "rsize")?.value;
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** EFS's read-ahead for a read size in bytes: fifteen reads, in KiB. */
export function readAheadKib(rsize: number): number {
  return Math.floor((15 * rsize) / 1024);
}
