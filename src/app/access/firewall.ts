import { complaint } from "../../core/access/complaint.ts";
import {
  IPTABLES_CHAIN,
  type IptablesState,
  iptablesChange,
  iptablesPorts,
  iptablesRemoval,
  iptablesState,
  iptablesTrial,
} from "../../core/access/iptables.ts";
import type { PortChange } from "../../core/access/mode.ts";
import { NFT_LIST, NFT_REMOVAL, nftChange, nftElements, nftPorts } from "../../core/access/nft.ts";
import { EfsError } from "../../core/errors.ts";
import { type RunResult, run } from "../../system/process.ts";

/** The kernel's packet filter in one network namespace, as far as it is about tunnels. */
export interface Firewall {
  /** The program that changes it. */
  readonly program: string;
  /**
   * The ports that are closed to other users than root.
   *
   * @throws EfsError (system)
   */
  closedPorts(): Promise<Set<number>>;
  /**
   * Closes and opens ports, all at once or not at all. What is there already is no failure, and what was taken away
   * of our rules is put back.
   *
   * @param areRulesThere whether our rules are in place, as far as is known: that is faster, and where they are not
   *   there at all, all is done as without
   * @throws EfsError (system)
   */
  change(change: PortChange, areRulesThere?: boolean): Promise<void>;
  /**
   * Removes everything of ours, where it is there.
   *
   * @throws EfsError (system)
   */
  clear(): Promise<void>;
  /**
   * Fails where the kernel does not take our rules. Nothing is changed afterwards.
   *
   * @throws EfsError (system)
   */
  test(): Promise<void>;
}

const NSENTER = "/usr/bin/nsenter";
/** A change takes milliseconds; the kernel may have to load modules first. */
const LIMIT_MS = 10_000;
/** How long iptables waits for its lock, in seconds. */
const LOCK_SECONDS = 5;
/** So much of what a program says is told. */
const MAX_WORDS = 120;
/** How often a change is planned again, where others changed the same rules meanwhile. */
const MOST_ATTEMPTS = 5;

/** @param program the absolute path of nft(8) or of an iptables(8) */
export function firewall(program: string, networkNamespace: string | undefined): Firewall {
  return program.endsWith("/nft")
    ? new Nftables(program, networkNamespace)
    : new Iptables(program, networkNamespace);
}

/** Runs a program in a network namespace. */
async function runIn(
  networkNamespace: string | undefined,
  program: string,
  args: readonly string[],
  input?: string,
): Promise<RunResult> {
  const [file = program, ...entered] =
    networkNamespace === undefined
      ? [program, ...args]
      : [NSENTER, `--net=${networkNamespace}`, program, ...args];
  return run(file, entered, { timeoutMs: LIMIT_MS, ...(input !== undefined && { input }) });
}

function requireSuccess(program: string, { status, stderr, timedOut }: RunResult): void {
  if (status === 0) return;
  const said = complaint(stderr).slice(0, MAX_WORDS);
  const why = timedOut ? `no answer within ${LIMIT_MS / 1000} s` : said || `exit status ${status}`;
  throw new EfsError("system", `${program}: ${why}`);
}

class Nftables implements Firewall {
  readonly program: string;
  readonly #namespace: string | undefined;

  constructor(program: string, networkNamespace: string | undefined) {
    this.program = program;
    this.#namespace = networkNamespace;
  }

  async closedPorts(): Promise<Set<number>> {
    const result = await this.#run(NFT_LIST);
    if (result.status !== 0 && /No such file or directory/.test(result.stderr)) return new Set();
    requireSuccess(this.program, result);
    return nftPorts(result.stdout);
  }

  async change(change: PortChange, areRulesThere = false): Promise<void> {
    if (areRulesThere && (await this.#run(["-f", "-"], nftElements(change))).status === 0) return;
    requireSuccess(this.program, await this.#run(["-f", "-"], nftChange(change)));
  }

  async clear(): Promise<void> {
    requireSuccess(this.program, await this.#run(["-f", "-"], NFT_REMOVAL));
  }

  async test(): Promise<void> {
    const nothing = nftChange({ close: [], open: [] });
    requireSuccess(this.program, await this.#run(["--check", "-f", "-"], nothing));
  }

  #run(args: readonly string[], input?: string): Promise<RunResult> {
    return runIn(this.#namespace, this.program, args, input);
  }
}

class Iptables implements Firewall {
  readonly program: string;
  readonly #namespace: string | undefined;

  constructor(program: string, networkNamespace: string | undefined) {
    this.program = program;
    this.#namespace = networkNamespace;
  }

  async closedPorts(): Promise<Set<number>> {
    return iptablesPorts(await this.#state());
  }

  change(change: PortChange): Promise<void> {
    return this.#apply((state) => iptablesChange(state, change));
  }

  clear(): Promise<void> {
    return this.#apply(iptablesRemoval);
  }

  async test(): Promise<void> {
    const { make, remove } = iptablesTrial(process.pid);
    requireSuccess(this.program, await this.#restore([], make));
    requireSuccess(this.program, await this.#restore([], remove));
  }

  /** Carries out what is planned for the rules as they are; again, where they were changed meanwhile. */
  async #apply(plan: (state: IptablesState) => string | undefined): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const batch = plan(await this.#state());
      if (batch === undefined) return;
      const result = await this.#restore([], batch);
      if (result.status === 0) return;
      if (attempt === MOST_ATTEMPTS) requireSuccess(this.program, result);
    }
  }

  async #state(): Promise<IptablesState> {
    const [chain, output] = await Promise.all([
      this.#run(this.program, ["-S", IPTABLES_CHAIN]),
      this.#run(this.program, ["-S", "OUTPUT"]),
    ]);
    requireSuccess(this.program, output);
    return iptablesState(chain.status === 0 ? chain.stdout : undefined, output.stdout);
  }

  #restore(flags: readonly string[], batch: string): Promise<RunResult> {
    return this.#run(`${this.program}-restore`, ["--noflush", ...flags], batch);
  }

  #run(program: string, args: readonly string[], input?: string): Promise<RunResult> {
    return runIn(this.#namespace, program, ["-w", String(LOCK_SECONDS), ...args], input);
  }
}
