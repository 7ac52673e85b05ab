/** Who may connect to tunnels, as `tunnel_access` in efs-utils.conf says. */
export const ACCESS_MODES = [
  /** Packet filter rules keep other users out; where they can be had. */
  "auto",
  /** The same, and without the rules a mount with tls is refused. */
  "root",
  /** Every local user: no rules. */
  "any",
] as const;

export type AccessMode = (typeof ACCESS_MODES)[number];

/** Ports of 127.0.0.1 that are to be closed to other users than root, or opened again. */
export interface PortChange {
  readonly close: readonly number[];
  readonly open: readonly number[];
}

/** What to do where no packet filter can be used. */
export const NO_FILTER_REMEDY =
  "install the package nftables (or iptables); in a container, allow CAP_NET_ADMIN; see tunnel_access in efs-utils.conf(5)";

/** Most ports there are; whatever lists more is not ours. */
const LAST_PORT = 65_535;

/** Whether a number is a TCP port. */
export function isPort(number: number): boolean {
  return Number.isInteger(number) && number > 0 && number <= LAST_PORT;
}
