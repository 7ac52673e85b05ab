import { existsSync, rmSync } from "node:fs";
import type { Watchdog } from "../../src/app/watchdog/watchdog.ts";
import { emptyConfig } from "../../src/core/config/config.ts";
import { policyOf } from "../../src/core/watchdog/policy.ts";
import { processFacts } from "../../src/system/procfs.ts";
import { eventually, type Rig, type RigTunnel, signal } from "./watchdog-rig.ts";

/** What else is going on. */
export interface Company {
  /** What tunnels are made with besides how they run. */
  readonly tunnel?: Parameters<Rig["tunnel"]>[0];
  /** Called with each tunnel as soon as it is mounted. */
  mounted?(tunnel: RigTunnel): void;
  /** Called before each unmount, which waits for it. */
  beforeUnmount?(tunnel: RigTunnel): Promise<void>;
  /** Called with each step before it is done; false ends the soak. */
  before?(step: string): boolean;
}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const MOST_MOUNTS = 8;
/** What a soak did, and whether every promise held at its end is for its caller to see. */
export interface Soak {
  readonly steps: readonly string[];
  readonly mounted: readonly RigTunnel[];
}

/**
 * Mounts, unmounts, kills and deletes at random while a watchdog watches, and ends when all is as it should
 * be: what is mounted runs, what is not is gone.
 *
 * @throws Error where that does not come about
 */
export async function soak(
  rig: Rig,
  random: () => number,
  count: number,
  company: Company = {},
): Promise<Soak> {
  const steps: string[] = [];
  const mounted = new Set<RigTunnel>();
  const gone = new Set<RigTunnel>();
  let watchdog: Watchdog | undefined = await rig.watch();
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];

  let startedAt = 0;
  /** A watchdog that knows a file brings it back. */
  const deleteAndWait = async ({ mountPoint }: RigTunnel, path: string) => {
    const known = `tunnel of ${mountPoint} `;
    await eventually(`the configuration of ${mountPoint} is noted`, () =>
      rig.lines
        .slice(startedAt)
        .some((line) => line.includes(known) && line.endsWith("its configuration is noted")),
    );
    rmSync(path, { force: true });
    await eventually(`${path} is back`, () => existsSync(path));
  };

  const events: Record<string, (tunnel: RigTunnel | undefined) => Promise<void> | void> = {
    mount: async () => {
      const runs = pick(["kept", "kept", "alone", "no"] as const) ?? "kept";
      if (mounted.size >= MOST_MOUNTS) return;
      const tunnel = await rig.tunnel({ ...company.tunnel, runs });
      mounted.add(tunnel);
      company.mounted?.(tunnel);
    },
    unmount: async (tunnel) => {
      if (tunnel === undefined) return;
      await company.beforeUnmount?.(tunnel);
      mounted.delete(tunnel);
      gone.add(tunnel);
      tunnel.unmount();
    },
    "kill stunnel": (tunnel) => killStunnel(tunnel, "SIGKILL"),
    "end stunnel": (tunnel) => killStunnel(tunnel, "SIGTERM"),
    "kill keeper": (tunnel) => signal(keeperOf(tunnel), "SIGKILL"),
    "kill both": (tunnel) => {
      signal(keeperOf(tunnel), "SIGKILL");
      killStunnel(tunnel, "SIGKILL");
    },
    "delete configuration": async (tunnel) => {
      if (tunnel !== undefined) await deleteAndWait(tunnel, tunnel.paths.stunnelConfig);
    },
    "delete state": async (tunnel) => {
      // the state of a tunnel that is down is lost with its file
      if (tunnel !== undefined && (await runs(tunnel))) await deleteAndWait(tunnel, tunnel.paths.stateFile);
    },
    "restart watchdog": async () => {
      await watchdog?.stop();
      startedAt = rig.lines.length;
      watchdog = await rig.watch();
    },
    nothing: () => pause(100 * random()),
  };
  for (let step = 0; step < count; step += 1) {
    const name = mounted.size < 2 ? "mount" : (pick(Object.keys(events)) ?? "nothing");
    const tunnel = pick([...mounted]);
    const text = `${name} ${name === "mount" || tunnel === undefined ? "" : tunnel.mountPoint}`.trim();
    if (company.before?.(text) === false) break;
    steps.push(text);
    await events[name]?.(tunnel);
  }
  // a wait that is due to deaths in quick succession is not waited for
  watchdog.reload(policyOf(emptyConfig("soak")));
  for (const tunnel of mounted) await eventually(`${tunnel.mountPoint} runs`, () => runs(tunnel), 30_000);
  for (const tunnel of gone) await eventually(`${tunnel.mountPoint} is gone`, () => isGone(tunnel), 10_000);
  await eventually("no process is left over", () => rig.processes().length <= 2 * mounted.size);
  return { steps, mounted: [...mounted] };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function killStunnel(tunnel: RigTunnel | undefined, name: NodeJS.Signals): void {
  signal(stateOf(tunnel)?.pid ?? 0, name);
}

function keeperOf(tunnel: RigTunnel | undefined): number {
  return stateOf(tunnel)?.keeper?.pid ?? 0;
}

function stateOf(tunnel: RigTunnel | undefined) {
  return tunnel !== undefined && existsSync(tunnel.paths.stateFile) ? tunnel.state() : undefined;
}

/** Its state file names a living stunnel, and the port listens. */
async function runs(tunnel: RigTunnel): Promise<boolean> {
  const state = stateOf(tunnel);
  return (
    state !== undefined &&
    processFacts(state.pid)?.argv.includes(tunnel.paths.stunnelConfig) === true &&
    (await tunnel.isListening())
  );
}

function isGone({ paths }: RigTunnel): boolean {
  return ![paths.stateFile, paths.stunnelConfig, paths.directory].some((path) => existsSync(path));
}
