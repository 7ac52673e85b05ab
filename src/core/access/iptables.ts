import { isPort, type PortChange } from "./mode.ts";

/** The chain, which is ours alone; OUTPUT jumps to it first of all. */
export const IPTABLES_CHAIN = "EFS-TUNNELS";

const JUMP = `-A OUTPUT -j ${IPTABLES_CHAIN}`;

/**
 * Every user but root, as a range: `! --uid-owner 0` would also match sockets without a file, which are the
 * kernel's own (before Linux 5.18).
 */
const OTHERS = "-m owner --uid-owner 1-4294967294";

/** The rules of a port, as iptables lists them: others cannot connect to it, and cannot answer on it. */
function rulesOf(port: number): string[] {
  return [
    `-d 127.0.0.1/32 -o lo -p tcp -m tcp --dport ${port} ${OTHERS} -j REJECT --reject-with tcp-reset`,
    `-s 127.0.0.1/32 -o lo -p tcp -m tcp --sport ${port} ${OTHERS} -j DROP`,
  ];
}

/** What the kernel has of ours. */
export interface IptablesState {
  /** The rules of our chain without `-A CHAIN`; undefined without the chain. */
  readonly rules: readonly string[] | undefined;
  /** How often OUTPUT jumps to it, and whether before anything else. */
  readonly jumps: number;
  readonly isFirst: boolean;
}

/**
 * Reads what iptables lists.
 *
 * @param chain `iptables -S EFS-TUNNELS`; undefined where that fails, since there is no such chain
 * @param output `iptables -S OUTPUT`
 */
export function iptablesState(chain: string | undefined, output: string): IptablesState {
  const own = `-A ${IPTABLES_CHAIN} `;
  const outputRules = linesOf(output).filter((line) => line.startsWith("-A OUTPUT"));
  return {
    rules:
      chain === undefined
        ? undefined
        : linesOf(chain).flatMap((line) => (line.startsWith(own) ? [line.slice(own.length)] : [])),
    jumps: outputRules.filter((line) => line === JUMP).length,
    isFirst: outputRules[0] === JUMP,
  };
}

/** The ports that are closed: both rules are there, and are reached. */
export function iptablesPorts({ rules = [], isFirst }: IptablesState): Set<number> {
  if (!isFirst) return new Set();
  const known = new Set(rules);
  const ports = rules.map((rule) => Number(/ --[ds]port (\d{1,5}) /.exec(rule)?.[1]));
  return new Set(ports.filter((port) => isPort(port) && rulesOf(port).every((rule) => known.has(rule))));
}

/**
 * What `iptables-restore --noflush` reads to make a change of this state, all at once or not at all; undefined where
 * there is nothing to do. It fails where the state is another one by then.
 */
export function iptablesChange(state: IptablesState, { close, open }: PortChange): string | undefined {
  if (state.rules === undefined && close.length === 0) return undefined;
  const rules = state.rules ?? [];
  const opened = new Set(open.flatMap(rulesOf));
  const isClosed = new Set(rules);
  // more than one of a rule is there where two helpers wrote it at the same time
  const surplus = rules.filter((rule, index) => opened.has(rule) || rules.indexOf(rule) !== index);
  const missing = [...new Set(close.flatMap(rulesOf))].filter((rule) => !isClosed.has(rule));
  const moved = state.isFirst && state.jumps === 1 ? 0 : state.jumps;
  const commands = [
    ...(state.rules === undefined ? [`-N ${IPTABLES_CHAIN}`] : []),
    ...Array.from({ length: moved }, () => JUMP.replace("-A", "-D")),
    ...(state.isFirst && state.jumps === 1 ? [] : [`-I OUTPUT 1 -j ${IPTABLES_CHAIN}`]),
    ...surplus.map((rule) => `-D ${IPTABLES_CHAIN} ${rule}`),
    ...missing.map((rule) => `-A ${IPTABLES_CHAIN} ${rule}`),
  ];
  return commands.length === 0 ? undefined : batch(commands);
}

/** What removes everything of ours; undefined where nothing is there. */
export function iptablesRemoval({ rules, jumps }: IptablesState): string | undefined {
  if (rules === undefined) return undefined;
  const jump = JUMP.replace("-A", "-D");
  return batch([
    ...Array.from({ length: jumps }, () => jump),
    `-F ${IPTABLES_CHAIN}`,
    `-X ${IPTABLES_CHAIN}`,
  ]);
}

/**
 * Makes our rules in a chain that nothing jumps to, and removes it: `--test` is no trial, since it does not ask the kernel.
 *
 * @param id what tells the chain from those of other trials
 */
export function iptablesTrial(id: number): { readonly make: string; readonly remove: string } {
  const chain = `EFS-TRIAL-${id}`;
  return {
    make: batch([`-N ${chain}`, ...rulesOf(1).map((rule) => `-A ${chain} ${rule}`)]),
    remove: batch([`-F ${chain}`, `-X ${chain}`]),
  };
}

function batch(commands: readonly string[]): string {
  return ["*filter", ...commands, "COMMIT", ""].join("\n");
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim());
}
