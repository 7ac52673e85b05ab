import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { asEfsError, oneLine } from "../../core/errors.ts";
import type { TunnelState } from "../../core/state/state.ts";
import { renewalInMs, withoutRenewal } from "../../core/watchdog/certificate.ts";
import type { Policy } from "../../core/watchdog/policy.ts";
import { readIfThere } from "../../system/files.ts";
import type { Log } from "../../system/log.ts";
import { Metadata } from "../../system/metadata.ts";
import { fetchCredentials } from "../aws/credentials.ts";
import { existingKey } from "../tunnel/private-key.ts";
import { Limiter } from "./limiter.ts";
import { type CertificateContext, canRenew, renewCertificate } from "./renew.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** So many certificates are made at the same time. */
const MOST_RENEWALS = 4;
/**
 * One that could not be made is tried again after this long, and then after twice as long, up to the longest. A
 * machine that wakes up has no network for some seconds.
 */
const RETRY_MS = 5000;
const LONGEST_RETRY_MS = 600_000;

/** What certificates are made with. */
interface Context {
  readonly paths: { readonly stateDirectory: string };
  readonly hostName: string;
  readonly version: string;
  readonly log: Log;
}

type Report = (tunnel: WatchedTunnel, text: string, level: "info" | "warning" | "error") => void;

/** Keeps tunnels' certificates young. None of them, nor a tunnel, waits for another one's credentials. */
export class Certificates {
  readonly #context: Context;
  readonly #report: Report;
  readonly #wake: () => void;
  readonly #renewals = new Limiter(MOST_RENEWALS);

  /** @param wake called when a certificate was made, or not */
  constructor(context: Context, report: Report, wake: () => void) {
    this.#context = context;
    this.#report = report;
    this.#wake = wake;
  }

  /** Begins to make the certificate of a running tunnel anew where it is time for that. */
  check(tunnel: WatchedTunnel, { now, policy }: { now: number; policy: Policy }): void {
    const { state } = tunnel;
    if (tunnel.isRenewing || state === undefined || !canRenew(state)) return;
    const isThere = existsSync(state.certificate ?? "");
    const dueAt = now + renewalInMs(state, isThere, Date.now(), policy.certificateLifeMs);
    const renewAt = Math.max(dueAt, tunnel.nextRenewal);
    if (now < renewAt) {
      tunnel.lookAt = Math.min(tunnel.lookAt, renewAt);
      return;
    }
    tunnel.isRenewing = true;
    void this.#renewals
      .run(() => this.#renew(tunnel, policy, () => !tunnel.busy))
      .catch((error: unknown) => {
        const { text, isOver } = withoutRenewal(tunnel.state?.certificateCreationTime, Date.now());
        this.#report(tunnel, `${oneLine(asEfsError(error))}; ${text}`, isOver ? "error" : "warning");
      })
      .finally(() => {
        tunnel.isRenewing = false;
        tunnel.changed = true;
        this.#wake();
      });
  }

  /**
   * Sees to it that a tunnel can be started with its certificate: that it is there and fits the key. An old
   * one will do: the tunnel does not wait for what makes a new one.
   *
   * @throws EfsError (system) where it cannot be made
   */
  async prepare(tunnel: WatchedTunnel, policy: Policy): Promise<void> {
    const { state } = tunnel;
    if (state === undefined || !canRenew(state) || fitsKey(state)) return;
    await this.#renew(tunnel, policy, () => true);
  }

  async #renew(tunnel: WatchedTunnel, policy: Policy, isWanted: () => boolean): Promise<void> {
    const hasFailed = tunnel.renewalPauseMs > 0;
    tunnel.renewalPauseMs = Math.min(Math.max(2 * tunnel.renewalPauseMs, RETRY_MS), LONGEST_RETRY_MS);
    tunnel.nextRenewal = performance.now() + tunnel.renewalPauseMs;
    await renewCertificate(tunnel, this.#certificateContext(policy), isWanted);
    tunnel.nextRenewal = Number.NEGATIVE_INFINITY;
    tunnel.renewalPauseMs = 0;
    if (hasFailed) this.#report(tunnel, "has a new certificate after all", "info");
    else this.#context.log.debug(`${tunnel.name}: has a new certificate`);
  }

  #certificateContext({ source, disableMetadataToken }: Policy): CertificateContext {
    const { hostName, version, paths } = this.#context;
    const { env: environment } = process;
    return {
      stateDirectory: paths.stateDirectory,
      hostName,
      version,
      source,
      credentials: (from, region) => {
        // a new one each time: its token does not live as long as a watchdog
        const metadata = new Metadata({ disableToken: disableMetadataToken, environment });
        return fetchCredentials(from, { environment, region, metadata });
      },
    };
  }
}

/** Whether stunnel will take a tunnel's certificate with its key. */
function fitsKey({ certificate = "", privateKey = "" }: TunnelState): boolean {
  try {
    const key = existingKey(privateKey);
    return key !== undefined && new X509Certificate(readIfThere(certificate) ?? "").checkPrivateKey(key);
  } catch {
    return false;
  }
}
