import { isPort, type PortChange } from "./mode.ts";

/** The table, which is ours alone: nobody else's rules are in it, and firewalls leave it alone. */
export const NFT_TABLE = "amazon_efs_mount_helper";

const TABLE = `ip ${NFT_TABLE}`;
const SET = `${TABLE} ports`;
const CHAIN = `${TABLE} output`;

/**
 * Table, set, chain and rules, whatever is there of them already. `meta skuid` is the user that opened the
 * socket; packets of sockets without a file (the kernel's own, before Linux 5.18) match no comparison with it.
 * The second rule keeps others from answering on a port whose tunnel is down.
 */
const RULES = [
  `add table ${TABLE}`,
  `add set ${SET} { type inet_service; }`,
  `add chain ${CHAIN} { type filter hook output priority 0; policy accept; }`,
  `flush chain ${CHAIN}`,
  `add rule ${CHAIN} oif lo ip daddr 127.0.0.1 tcp dport @ports meta skuid != 0 reject with tcp reset`,
  `add rule ${CHAIN} oif lo ip saddr 127.0.0.1 tcp sport @ports meta skuid != 0 drop`,
];

/** What `nft -f -` reads to make a change, all at once or not at all: it never fails for what is there already. */
export function nftChange(change: PortChange): string {
  return lines([...RULES, ...elementChanges(change)]);
}

/** The same where our rules are in place, in two thirds of the time; it fails where they are not. */
export function nftElements(change: PortChange): string {
  return lines(elementChanges(change));
}

function elementChanges({ close, open }: PortChange): string[] {
  const elements = (ports: readonly number[]) => `${SET} { ${ports.join(", ")} }`;
  return [
    ...(close.length === 0 ? [] : [`add element ${elements(close)}`]),
    // only what is there can be deleted
    ...(open.length === 0 ? [] : [`add element ${elements(open)}`, `delete element ${elements(open)}`]),
  ];
}

/** What `nft -f -` reads to remove everything of ours, whether or not it is there. */
export const NFT_REMOVAL = lines([`add table ${TABLE}`, `delete table ${TABLE}`]);

/** The arguments that list the closed ports. */
export const NFT_LIST = ["list", "set", ...SET.split(" ")];

/** The arguments of a program that writes a line when a table is deleted, by itself or with all others. */
export const NFT_MONITOR = ["monitor", "destroy", "tables"];

/** The ports in what `nft list set` prints. */
export function nftPorts(listing: string): Set<number> {
  const elements = /\belements = \{([^}]*)\}/.exec(listing)?.[1] ?? "";
  return new Set(elements.split(",").map(Number).filter(isPort));
}

function lines(commands: readonly string[]): string {
  return `${commands.join("\n")}\n`;
}
