import { posix } from "node:path";

/** What a process is to a tunnel. */
export type Role = "stunnel" | "keeper";

/** The file name of the program that holds a tunnel's listening socket. */
const KEEPER_NAME = "efs-tunnel-keeper";

/** What tunnels run as, also those that other helpers started. */
const TUNNEL_PROGRAMS = ["stunnel", "stunnel4", "stunnel5", "efs-proxy"];

/** How a tunnel's processes are recognised. */
export interface TunnelMark {
  /** The path of its stunnel configuration, which no other process has among its arguments by accident. */
  readonly config: string;
  /** The argument vector in its state file. */
  readonly cmd: readonly string[];
}

/**
 * The part a process with this argument vector has in a tunnel, or undefined where it has none: an editor or
 * a search that has the configuration among its arguments is none of the tunnel's.
 */
export function roleOf(argv: readonly string[], { config, cmd }: TunnelMark): Role | undefined {
  if (!argv.some((argument) => sameFile(argument, config))) return undefined;
  // a script's interpreter stands in front of it
  const names = argv.slice(0, 2).map((argument) => posix.basename(argument));
  if (names.includes(KEEPER_NAME)) return "keeper";
  const own = savedProgram(cmd);
  const programs = own === undefined ? TUNNEL_PROGRAMS : [...TUNNEL_PROGRAMS, posix.basename(own)];
  return names.some((name) => programs.includes(name)) ? "stunnel" : undefined;
}

/** The base name of the tunnel that a process belongs to by its arguments, as far as they alone tell. */
export function configArgument(argv: readonly string[], stateDirectory: string): string | undefined {
  return argv.find(
    (argument) =>
      posix.basename(argument).startsWith("stunnel-config.") &&
      sameFile(posix.dirname(argument), stateDirectory),
  );
}

/** The program of a saved argument vector; what enters a network namespace stands in front of it. */
export function savedProgram(cmd: readonly string[]): string | undefined {
  return cmd[0] !== undefined && posix.basename(cmd[0]) === "nsenter"
    ? cmd.slice(1).find((argument) => !argument.startsWith("-"))
    : cmd[0];
}

/** The network namespace that a saved argument vector enters, undefined where it enters none. */
export function savedNetworkNamespace(cmd: readonly string[]): string | undefined {
  if (cmd[0] === undefined || posix.basename(cmd[0]) !== "nsenter") return undefined;
  return cmd.find((argument) => argument.startsWith("--net=/"))?.slice("--net=".length);
}

/** /var/run is a link to /run on every current system. */
function sameFile(one: string, other: string): boolean {
  const real = (path: string) => path.replace(/^\/var\/run\//, "/run/");
  return real(one) === real(other);
}
