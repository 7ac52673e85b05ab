import { isIP, type LookupFunction } from "node:net";
import { EfsError } from "../core/errors.ts";
import { run } from "./process.ts";

/** What the system's resolver knows of a host name. */
export interface HostAnswer {
  /** In the resolver's order, which is the one to try them in; empty where the name has none. */
  readonly addresses: readonly string[];
  /** What the name leads to: by CNAME, or the first name of its line in /etc/hosts. */
  readonly canonicalName: string | undefined;
  /** Whether no answer came within the limit. */
  readonly isLate: boolean;
}

export interface ResolveOptions {
  readonly limitMs: number;
  /** Ends it, without an answer. */
  readonly signal?: AbortSignal | undefined;
  /** The path of the network namespace whose way to the name servers counts. */
  readonly namespace?: string | undefined;
}

const GETENT = "/usr/bin/getent";
const NSENTER = "/usr/bin/nsenter";
/** What getent ends with where it does not know an option (EX_USAGE of sysexits.h(3head)). */
const UNKNOWN_OPTION = 64;
const NOT_FOUND = 2;

/**
 * Asks the system's resolver (getaddrinfo(3)) for a name, by getent(1): a lookup in this process cannot be ended,
 * and holds the process's own end until the last name server was waited for.
 *
 * @throws EfsError (system) where getent, or nsenter, does not do its work
 */
export async function resolveHost(name: string, options: ResolveOptions): Promise<HostAnswer> {
  const { namespace, limitMs, signal } = options;
  const [file, before] =
    namespace === undefined ? [GETENT, []] : [NSENTER, [`--net=${namespace}`, GETENT] as const];
  const ask = (...flags: string[]) =>
    run(file, [...before, ...flags, "ahosts", "--", name], { timeoutMs: limitMs, signal });
  // otherwise addresses are left out of which this machine seems to have no kind; older ones cannot do without
  let answer = await ask("--no-addrconfig");
  if (answer.status === UNKNOWN_OPTION) answer = await ask();
  const { status, timedOut, aborted, stderr } = answer;
  if (![0, NOT_FOUND].includes(status ?? 1) && !timedOut && !aborted) {
    const said = stderr.trim().split("\n").join(", ") || `getent ended with ${status ?? "a signal"}`;
    throw new EfsError("system", `the name ${name} cannot be looked up: ${said}`, {
      hint: `check what ${file} says when it is run by hand`,
    });
  }
  const lines = answer.stdout.split("\n").map((line) => line.trim().split(/\s+/));
  return {
    addresses: [...new Set(lines.map(([address = ""]) => address).filter((address) => address !== ""))],
    canonicalName: lines.map(([, , canonical]) => canonical).find((canonical) => canonical !== undefined),
    isLate: timedOut,
  };
}

/** For connections to a name: `resolveHost` in the place of a lookup in this process. */
export function lookupWithin(limitMs: number): LookupFunction {
  return (name, { all, family }, callback) => {
    const wanted = Number(String(family ?? 0).replace("IPv", ""));
    resolveHost(name, { limitMs })
      .then(({ addresses }) => {
        const found = addresses
          .map((address) => ({ address, family: isIP(address) }))
          .filter((each) => each.family !== 0 && (wanted === 0 || each.family === wanted));
        const [first] = found;
        if (first === undefined) throw unknownHost(name);
        if (all) callback(null, found);
        else callback(null, first.address, first.family);
      })
      .catch((error: Error) => callback(error, []));
  };
}

/** As node's own lookup fails. */
function unknownHost(name: string): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" });
}
