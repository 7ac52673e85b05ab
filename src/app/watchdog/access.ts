import { existsSync } from "node:fs";
import { type AccessMode, NO_FILTER_REMEDY, type PortChange } from "../../core/access/mode.ts";
import { NFT_MONITOR } from "../../core/access/nft.ts";
import { planAccess } from "../../core/access/plan.ts";
import { asEfsError } from "../../core/errors.ts";
import type { Reports } from "../../core/watchdog/reports.ts";
import type { Log } from "../../system/log.ts";
import { rootListeners } from "../../system/root-listeners.ts";
import { watchRuleset } from "../../system/ruleset-monitor.ts";
import { findFirewall } from "../access/find-firewall.ts";
import type { Firewall } from "../access/firewall.ts";
import { claimedPorts } from "../tunnel/port.ts";
import { namespacesOf } from "./namespaces.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** Changes are collected for this long, which is also the shortest time between two checks. */
const SETTLE_MS = 200;

interface Parts {
  readonly stateDirectory: string;
  readonly log: Log;
  readonly reports: Reports;
  mode(): AccessMode;
}

/** A network namespace with tunnels, or that had some. */
interface Place {
  tunnels: ReadonlySet<number>;
  /** The ports that were closed when it was checked last. */
  closed: ReadonlySet<number>;
  isFull: boolean;
}

/** The network namespace of this process, among paths of others. */
const OWN = "";

/**
 * Keeps the ports of all tunnels, and no others, closed to every user but root: ports are closed for tunnels that
 * others started, closed again where the rules were removed, and opened when their tunnels have ended.
 */
export class AccessReconciler {
  readonly #parts: Parts;
  readonly #places = new Map<string, Place>();
  /** The program that works in a place, also while nothing is to be done there. */
  readonly #firewalls = new Map<string, Firewall>();
  #seen: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopMonitor: (() => void) | undefined;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes the tunnels that there are now. The first time, what an earlier watchdog has left is removed too. */
  see(tunnels: Iterable<WatchedTunnel>): void {
    const places = namespacesOf(tunnels);
    const seen = JSON.stringify([...places].map(([path, ports]) => [path, ...ports]));
    if (seen === this.#seen) return;
    const isFirst = this.#seen === undefined;
    this.#seen = seen;
    for (const [path, place] of this.#places) place.tunnels = places.get(path) ?? new Set();
    for (const [path, ports] of places) this.#place(path).tunnels = ports;
    if (isFirst) this.#place(OWN).isFull = true;
    // what is left of another mode has time until everything is looked at
    if (this.#parts.mode() !== "any") this.#checkSoon();
  }

  /** Writes all rules again, in case that they were changed and nothing told so. */
  checkAll(): void {
    const closes = this.#parts.mode() !== "any";
    for (const place of this.#places.values()) place.isFull ||= closes;
    if ([...this.#places.values()].some((place) => this.#isToBeChecked(place))) this.#checkSoon();
  }

  /** Where no rules are wanted, and there are none of ours, nothing is asked. */
  #isToBeChecked({ isFull, closed }: Place): boolean {
    return this.#parts.mode() !== "any" || isFull || closed.size > 0;
  }

  /** Closes the port of a tunnel that is about to be started, unless that is known to be so. */
  async close(tunnel: WatchedTunnel): Promise<void> {
    if (this.#parts.mode() === "any") return;
    for (const [path, ports] of namespacesOf([tunnel])) {
      const place = this.#place(path);
      if ([...ports].every((port) => place.closed.has(port))) continue;
      await this.#attempt(path, async (firewall) => firewall.change({ close: [...ports], open: [] }));
    }
  }

  /** Leaves the rules as they are: tunnels run on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopMonitor?.();
    await this.#running;
  }

  #place(path: string): Place {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const place = {
      tunnels: new Set<number>(),
      closed: new Set<number>(),
      isFull: false,
    };
    this.#places.set(path, place);
    return place;
  }

  #checkSoon(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      // one at a time, and what comes meanwhile is a reason for another one
      this.#running = (this.#running ?? Promise.resolve()).then(() => this.#checkNow());
    }, SETTLE_MS);
  }

  async #checkNow(): Promise<void> {
    this.#timer = undefined;
    for (const [path, place] of this.#places) {
      if (this.#stopped) return;
      if (this.#isToBeChecked(place) && (path === OWN || existsSync(path)))
        await this.#attempt(path, (used) => this.#check(path, place, used));
      if (place.tunnels.size > 0) continue;
      this.#places.delete(path);
      // other namespaces come and go
      if (path !== OWN) this.#firewalls.delete(path);
    }
    this.#monitor();
  }

  async #check(path: string, place: Place, firewall: Firewall): Promise<void> {
    const { mode, log, reports } = this.#parts;
    const closed = await firewall.closedPorts();
    // read after the ports: whoever closes one has listened on it before
    const listening = path === OWN ? rootListeners() : new Set<number>();
    const plan = planAccess({ tunnels: place.tunnels, closed, listening }, mode(), place.isFull);
    const lost = [...place.closed].filter((port) => place.tunnels.has(port) && !closed.has(port));
    place.isFull = false;
    if (plan === "clear") await this.#clear(firewall);
    else if (plan !== undefined) await this.#change(firewall, plan);
    place.closed = plan === undefined || plan === "clear" ? closed : new Set(plan.close);
    if (lost.length === 0 || plan === undefined) return;
    const where = path === OWN ? "" : ` in ${path}`;
    const text = `The packet filter's rules for tunnels${where} were removed, and are back: ${lost.length} of ${place.tunnels.size} ports were open to every user`;
    const due = reports.due(`access lost ${path}`, text, performance.now());
    if (due !== undefined) log.warning(due);
  }

  async #change(firewall: Firewall, plan: PortChange): Promise<void> {
    await firewall.change(plan);
    await this.#closeClaimed(firewall, plan.open);
  }

  async #clear(firewall: Firewall): Promise<void> {
    const { stateDirectory } = this.#parts;
    if (claimedPorts(stateDirectory).size > 0) return;
    await firewall.clear();
    await this.#closeClaimed(firewall, [...claimedPorts(stateDirectory)]);
  }

  /** Closes those of the opened ports again that a mount has reserved meanwhile. */
  async #closeClaimed(firewall: Firewall, opened: readonly number[]): Promise<void> {
    if (opened.length === 0 || this.#parts.mode() === "any") return;
    const claimed = claimedPorts(this.#parts.stateDirectory);
    const close = opened.filter((port) => claimed.has(port));
    if (close.length > 0) await firewall.change({ close, open: [] });
  }

  /** Does something with the firewall of a place, which is looked for again where it fails. */
  async #attempt(path: string, action: (firewall: Firewall) => Promise<void>): Promise<void> {
    try {
      const firewall = this.#firewalls.get(path) ?? (await this.#find(path));
      if (firewall !== undefined) await action(firewall);
    } catch (error) {
      this.#firewalls.delete(path);
      this.#report(path, asEfsError(error).message);
    }
  }

  async #find(path: string): Promise<Firewall | undefined> {
    const { firewall, why } = await findFirewall(path === OWN ? undefined : path);
    if (firewall === undefined) this.#report(path, why);
    else this.#firewalls.set(path, firewall);
    return firewall;
  }

  #report(path: string, why: string): void {
    const { log, reports, mode } = this.#parts;
    if (mode() === "any") return;
    const where = path === OWN ? "" : ` in ${path}`;
    const text = `Every local user can use the tunnels${where}, as root too: ${why}; ${NO_FILTER_REMEDY}`;
    const due = reports.due(`access ${path}`, text, performance.now());
    if (due !== undefined) log.warning(due);
  }

  /** Has nft tell of what is removed, as long as there are tunnels in this process's network. */
  #monitor(): void {
    const { tunnels } = this.#places.get(OWN) ?? {};
    const program = this.#firewalls.get(OWN)?.program;
    const isWanted = program?.endsWith("/nft") && tunnels !== undefined && tunnels.size > 0;
    if (program !== undefined && isWanted && !this.#stopped) {
      this.#stopMonitor ??= watchRuleset([program, ...NFT_MONITOR], () => this.#checkSoon());
    } else {
      this.#stopMonitor?.();
      this.#stopMonitor = undefined;
    }
  }
}
