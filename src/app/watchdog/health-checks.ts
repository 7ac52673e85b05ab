import { judge, unknownHealth } from "../../core/watchdog/health.ts";
import type { Policy } from "../../core/watchdog/policy.ts";
import { isAlive } from "../../system/procfs.ts";
import { sendSignal } from "../../system/signals.ts";
import { Limiter } from "./limiter.ts";
import { probe } from "./probe.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** So many tunnels are asked at the same time. */
const MOST_PROBES = 32;

type Report = (tunnel: WatchedTunnel, text: string, level: "info" | "warning" | "error") => void;

/** Finds tunnels that run and yet lead nowhere. None of them keeps another one waiting. */
export class HealthChecks {
  readonly #report: Report;
  readonly #wake: () => void;
  readonly #probes = new Limiter(MOST_PROBES);

  /** @param wake called when the next look may have to be earlier than thought */
  constructor(report: Report, wake: () => void) {
    this.#report = report;
    this.#wake = wake;
  }

  /** Asks a running tunnel for a sign of life where it is time for that, and sees to it that it will be. */
  check(tunnel: WatchedTunnel, { now, policy }: { now: number; policy: Policy }): void {
    const { health: settings } = policy;
    // what runs in another network namespace cannot be reached from here
    const isHere = tunnel.networkNamespace === undefined;
    if (settings === undefined || !isHere || tunnel.asked || tunnel.processes.stunnel === undefined) return;
    tunnel.health ??= unknownHealth(now, settings.everyMs, Math.random());
    if (now < tunnel.health.nextAt) {
      tunnel.lookAt = Math.min(tunnel.lookAt, tunnel.health.nextAt);
      return;
    }
    tunnel.asked = true;
    void this.#probes
      .run(() => this.#ask(tunnel, settings))
      .catch((error: unknown) => this.#report(tunnel, `its health cannot be checked: ${error}`, "warning"))
      .finally(() => {
        tunnel.asked = false;
        this.#wake();
      });
  }

  async #ask(tunnel: WatchedTunnel, { everyMs, limitMs }: NonNullable<Policy["health"]>): Promise<void> {
    const { stunnel } = tunnel.processes;
    const outcome = await probe(tunnel.port, tunnel.paths.stunnelConfig, limitMs);
    // one that has ended meanwhile, or is being ended, tells nothing of its server
    if (outcome !== "answered" && (tunnel.busy || stunnel === undefined || !isAlive(stunnel))) {
      tunnel.health = unknownHealth(performance.now(), everyMs, Math.random());
      tunnel.lookAt = Math.min(tunnel.lookAt, tunnel.health.nextAt);
      return;
    }
    const before = tunnel.health ?? unknownHealth(performance.now(), everyMs, Math.random());
    const { health, isStuck } = judge(before, outcome, {
      now: performance.now(),
      everyMs,
      random: Math.random(),
    });
    tunnel.health = health;
    tunnel.lookAt = Math.min(tunnel.lookAt, health.nextAt);
    if (outcome === "unreachable") this.#report(tunnel, "its server cannot be reached", "warning");
    if (outcome === "closed") this.#report(tunnel, "its server accepts no new connections", "warning");
    if (outcome === "answered" && tunnel.wasUnwell) this.#report(tunnel, "its server answers again", "info");
    tunnel.wasUnwell = outcome !== "answered";
    const { stunnel: current, keeper } = tunnel.processes;
    // one that was replaced meanwhile is not the one that was asked
    if (!isStuck || stunnel === undefined || current?.pid !== stunnel.pid) return;
    this.#report(
      tunnel,
      `stunnel ${stunnel.pid} answers nothing though its server lives, and is replaced`,
      "error",
    );
    if (keeper !== undefined) sendSignal(keeper, "SIGCONT");
    sendSignal(stunnel, "SIGKILL");
  }
}
