import { closeSync, constants, fstatSync, ftruncateSync, openSync } from "node:fs";
import { posix } from "node:path";
import { asEfsError, oneLine } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import { classifyEntry } from "../../core/tunnel/names.ts";
import type { Policy } from "../../core/watchdog/policy.ts";
import { configArgument, roleOf } from "../../core/watchdog/processes.ts";
import { Reports } from "../../core/watchdog/reports.ts";
import { summaryOf } from "../../core/watchdog/summary.ts";
import type { Use } from "../../core/watchdog/use.ts";
import { watchClock } from "../../system/clock.ts";
import { identityOfFile, watchPath } from "../../system/watch.ts";
import { AccessReconciler } from "./access.ts";
import { deleteFile } from "./end.ts";
import { Inventory, type TunnelFiles } from "./inventory.ts";
import type { Pass } from "./pass.ts";
import { mountingPorts, tunnelProcesses } from "./processes.ts";
import { TunnelReconciler, type WatchdogContext } from "./tunnel-reconciler.ts";
import { readUses } from "./uses.ts";
import { WatchedTunnel } from "./watched-tunnel.ts";

/** Passes are at least this far apart: a burst of events becomes a few of them. */
const PASS_MS = 10;
/** After a pass that failed as a whole. */
const RETRY_MS = 1000;
/** Everything is looked at in full no more often than this, however short the round is. */
const FULL_LOOK_MS = 30_000;
/** All processes of the machine are searched for tunnels without files this often. */
const STRAYS_MS = 600_000;
/** So many tunnels that cannot report their death are looked at four times a second, more of them once. */
const FEW = 16;
const WATCH_FEW_MS = 250;
const WATCH_MANY_MS = 1000;
/** A tunnel's log is emptied when it is longer. */
const LONGEST_LOG = 1024 * 1024;
/** How long actions that are under way have when the watchdog ends. */
const STOP_MS = 5000;

/**
 * The watchdog's loop: events mark what may have changed, a pass looks at that, and a slow round at
 * everything in case an event was lost.
 */
export class WatchLoop {
  readonly #context: WatchdogContext;
  #policy: Policy;
  readonly #inventory: Inventory;
  readonly #reports = new Reports();
  readonly #reconciler: TunnelReconciler;
  readonly #access: AccessReconciler;
  readonly #tunnels = new Map<string, WatchedTunnel>();
  #namesChanged = false;
  /** What was read of the kernel, while it holds. */
  #uses: ((tunnel: WatchedTunnel) => Use) | undefined;
  #nextPass: { at: number; timer: NodeJS.Timeout } | undefined;
  #nextRound = 0;
  #nextFullLook = 0;
  #nextStrays = 0;
  #failingSince: number | undefined;
  #strays = new Map<string, TunnelFiles>();
  #directory: { identity: string | undefined; stop: (() => void) | undefined } | undefined;
  #looked = () => {};
  #stopMounts = () => {};
  #stopClock = () => {};
  #stopped = false;

  constructor(context: WatchdogContext, policy: Policy) {
    this.#context = context;
    this.#policy = policy;
    this.#inventory = new Inventory(context.paths.stateDirectory);
    this.#access = new AccessReconciler({
      stateDirectory: context.paths.stateDirectory,
      log: context.log,
      reports: this.#reports,
      mode: () => this.#policy.tunnelAccess,
    });
    this.#reconciler = new TunnelReconciler(
      context,
      this.#reports,
      (tunnel) => this.#access.close(tunnel),
      (names) => (names ? this.#readNamesSoon() : this.#wake()),
      (tunnel) => readUses(context.kernel, this.#tunnels.values())(tunnel) === "unused",
    );
  }

  /** Takes over what is there; when it returns, all that needs something is being seen to. */
  start(): void {
    this.#stopMounts = this.#context.kernel.watchMounts(() => {
      this.#uses = undefined;
      this.#wake();
    });
    this.#stopClock = watchClock(() => this.#lookAtOnce());
    this.#pass();
    this.#context.log.info(`Watching ${this.#context.paths.stateDirectory}: ${this.summary}`);
  }

  /** What it looks after, in a reader's words. */
  get summary(): string {
    const tunnels = [...this.#tunnels.values()];
    const count = (wanted: (tunnel: WatchedTunnel) => boolean) => tunnels.filter(wanted).length;
    return summaryOf({
      tunnels: tunnels.length,
      running: count(({ processes }) => processes.stunnel !== undefined),
      unreadable: count(({ file }) => file?.problem !== undefined),
    });
  }

  /** Calls `looked` after each look at the tunnels. */
  follow(looked: () => void): void {
    this.#looked = looked;
  }

  /** The machine has slept, or its clock was set: certificates may have expired meanwhile. */
  #lookAtOnce(): void {
    this.#nextRound = 0;
    this.#nextFullLook = 0;
    for (const tunnel of this.#tunnels.values()) tunnel.nextRenewal = Number.NEGATIVE_INFINITY;
    this.#wake();
  }

  /** What the configuration says from now on. */
  reload(policy: Policy): void {
    this.#policy = policy;
    this.#nextRound = 0;
    this.#nextFullLook = 0;
    this.#wake();
  }

  /** Leaves tunnels as they are; what is under way is finished first, within a limit. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#nextPass?.timer);
    this.#stopMounts();
    this.#stopClock();
    this.#directory?.stop?.();
    const limit = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([Promise.all([this.#reconciler.idle(), this.#access.stop()]), limit]);
    for (const tunnel of this.#tunnels.values()) tunnel.unfollow();
  }

  /** For how long no look at the tunnels has succeeded, in milliseconds; 0 while they do. */
  get failingMs(): number {
    return this.#failingSince === undefined ? 0 : performance.now() - this.#failingSince;
  }

  #wake(delayMs = PASS_MS): void {
    if (this.#stopped) return;
    const at = performance.now() + delayMs;
    if (this.#nextPass !== undefined && this.#nextPass.at <= at) return;
    clearTimeout(this.#nextPass?.timer);
    const timer = setTimeout(() => {
      this.#nextPass = undefined;
      this.#pass();
    }, delayMs);
    this.#nextPass = { at, timer };
  }

  #pass(): void {
    const now = performance.now();
    try {
      if (now >= this.#nextRound) this.#round(now);
      else if (this.#namesChanged) this.#readNames(now);
      const pass = this.#newPass(now);
      for (const tunnel of this.#tunnels.values()) {
        if (tunnel.busy) continue;
        const isDue = isAtTime(tunnel, now) || pass.useOf(tunnel) !== tunnel.memory.use?.is;
        if (isDue) this.#look(tunnel, pass);
      }
      this.#access.see(this.#tunnels.values());
      this.#failingSince = undefined;
      const lookAts = Array.from(this.#tunnels.values(), ({ busy, lookAt }) =>
        busy ? this.#nextRound : lookAt,
      );
      const next = Math.min(this.#nextRound, ...lookAts) - performance.now();
      this.#wake(Math.max(this.#namesChanged ? 0 : PASS_MS, next));
      this.#looked();
    } catch (error) {
      this.#failingSince ??= now;
      this.#failed("a look at all tunnels", error);
      this.#wake(RETRY_MS);
    }
  }

  #look(tunnel: WatchedTunnel, pass: Pass): void {
    try {
      this.#reconciler.look(tunnel, pass);
    } catch (error) {
      tunnel.lookAt = pass.now + RETRY_MS;
      this.#reconciler.failed(tunnel, error);
    }
  }

  /**
   * Who uses which tunnel. Changes of mounts are reported, so that what was read then is still true, but for
   * tunnels without a mount: nothing reports the end of an NFS client.
   */
  #readUses(now: number): (tunnel: WatchedTunnel) => Use {
    const isOpen = ({ memory }: WatchedTunnel) => memory.use?.is !== "mounted";
    const tunnels = Array.from(this.#tunnels.values());
    if (this.#uses === undefined || tunnels.some((tunnel) => isAtTime(tunnel, now) && isOpen(tunnel)))
      this.#uses = readUses(this.#context.kernel, tunnels);
    return this.#uses;
  }

  #newPass(now: number): Pass {
    const { paths } = this.#context;
    const polled = Array.from(this.#tunnels.values()).filter(({ isFollowed }) => !isFollowed);
    return {
      now,
      policy: this.#policy,
      watchMs: polled.length > FEW ? WATCH_MANY_MS : WATCH_FEW_MS,
      useOf: this.#readUses(now),
      tunnelProcesses: once(() => tunnelProcesses(paths.stateDirectory)),
      mountingPorts: once(mountingPorts),
    };
  }

  /** Everything is looked at again, in case an event was lost. */
  #round(now: number): void {
    this.#nextRound = now + this.#policy.roundMs;
    this.#watchNames();
    if (now >= this.#nextStrays) {
      this.#nextStrays = now + STRAYS_MS;
      this.#strays = straysIn(this.#context.paths.stateDirectory);
    }
    this.#readNames(now);
    if (now < this.#nextFullLook) return;
    this.#nextFullLook = now + FULL_LOOK_MS;
    this.#access.checkAll();
    for (const tunnel of this.#tunnels.values()) {
      tunnel.changed = true;
      emptyLongLog(tunnel.paths.log);
    }
  }

  /** Watches the state directory, also where another one has taken its place. */
  #watchNames(): void {
    const { stateDirectory } = this.#context.paths;
    const identity = identityOfFile(stateDirectory);
    if (this.#directory?.identity === identity && this.#directory?.stop !== undefined) return;
    this.#directory?.stop?.();
    const stop = watchPath(stateDirectory, () => this.#readNamesSoon());
    this.#directory = { identity, stop };
  }

  #readNamesSoon(): void {
    this.#namesChanged = true;
    this.#wake();
  }

  #readNames(now: number): void {
    const { stateDirectory } = this.#context.paths;
    const { tunnels, temporary } = this.#inventory.read();
    this.#namesChanged = false;
    this.#uses = undefined;
    for (const name of temporary) deleteFile(`${stateDirectory}/${name}`);
    for (const [base, files] of this.#strays) {
      const { stunnel, keeper } = this.#tunnels.get(base)?.processes ?? {};
      const isGone = this.#tunnels.has(base) && stunnel === undefined && keeper === undefined;
      if (isGone || tunnels.has(base)) this.#strays.delete(base);
      else tunnels.set(base, files);
    }
    for (const tunnel of this.#tunnels.values()) {
      const files = tunnels.get(tunnel.base);
      const isLost = files?.finished === undefined && files?.unfinished === undefined;
      if (tunnel.busy || (isLost && this.#restore(tunnel))) continue;
      if (files !== undefined) {
        tunnel.update(files);
        continue;
      }
      const { stunnel, keeper } = tunnel.processes;
      if (stunnel === undefined && keeper === undefined) {
        this.#forget(tunnel);
        continue;
      }
      const nothing = noFiles(tunnel.base, tunnel.port);
      this.#strays.set(tunnel.base, nothing);
      tunnel.update(nothing);
      // it is no new mount whose files are still to come
      tunnel.firstSeenAt = Number.NEGATIVE_INFINITY;
    }
    for (const [base, files] of tunnels) {
      if (!this.#tunnels.has(base)) this.#tunnels.set(base, new WatchedTunnel(files, stateDirectory, now));
    }
  }

  #restore(tunnel: WatchedTunnel): boolean {
    try {
      return this.#reconciler.restore(tunnel);
    } catch (error) {
      this.#reconciler.failed(tunnel, error);
      return false;
    }
  }

  #forget(tunnel: WatchedTunnel): void {
    tunnel.unfollow();
    this.#tunnels.delete(tunnel.base);
    this.#reports.forget(tunnel.base);
  }

  #failed(subject: string, cause: unknown): void {
    const error = asEfsError(cause);
    const stack = error.kind === "bug" && cause instanceof Error ? ` ${cause.stack}` : "";
    const due = this.#reports.due(subject, `${subject} failed: ${oneLine(error)}${stack}`, performance.now());
    if (due !== undefined) this.#context.log.error(due);
  }
}

function isAtTime({ changed, lookAt }: WatchedTunnel, now: number): boolean {
  return changed || now >= lookAt;
}

function once<T>(read: () => T): () => T {
  let value: { read: T } | undefined;
  return () => {
    value ??= { read: read() };
    return value.read;
  };
}

/** Tunnels whose processes run, though the state directory may have nothing of them any more. */
export function straysIn(stateDirectory: string): Map<string, TunnelFiles> {
  const strays = new Map<string, TunnelFiles>();
  for (const { argv } of tunnelProcesses(stateDirectory)) {
    const config = configArgument(argv, stateDirectory) ?? "";
    const entry = classifyEntry(posix.basename(config));
    if (entry.kind !== "config" || roleOf(argv, { config, cmd: [] }) === undefined) continue;
    strays.set(entry.base, noFiles(entry.base, entry.port));
  }
  return strays;
}

function noFiles(base: string, port: Port): TunnelFiles {
  return { base, port, finished: undefined, unfinished: undefined, hasConfig: false, hasDirectory: false };
}

function emptyLongLog(path: string): void {
  try {
    const log = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (fstatSync(log).size > LONGEST_LOG) ftruncateSync(log);
    } finally {
      closeSync(log);
    }
  } catch {
    // it is not there
  }
}
