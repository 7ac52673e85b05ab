import type { Policy } from "../../core/watchdog/policy.ts";
import type { Use } from "../../core/watchdog/use.ts";
import type { ProcessFacts } from "../../system/procfs.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** What all tunnels of one pass have in common. */
export interface Pass {
  /** Milliseconds on a clock that is never set. */
  readonly now: number;
  readonly policy: Policy;
  /** How often processes are looked at that cannot report their death. */
  readonly watchMs: number;
  useOf(tunnel: WatchedTunnel): Use;
  /** All processes that have a stunnel configuration of the state directory among their arguments. */
  tunnelProcesses(): readonly ProcessFacts[];
  /** The ports of all mount.nfs4 that run. */
  mountingPorts(): ReadonlySet<number>;
}
