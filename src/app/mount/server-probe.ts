import { describeServer, type ResolvedTarget } from "../../core/location/target.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import type { TunnelNetwork } from "../tunnel/network.ts";

/** After which a mount takes so long that the server is looked at. */
const PATIENCE_MS = 1000;
const REACH_LIMIT_MS = 2000;

/**
 * Looks whether a server that is mounted from without a tunnel can be connected to, while mount.nfs4 tries: for
 * the error that may come of it. A mount that is soon made is not disturbed.
 */
export class ServerLook {
  readonly #server: string;
  readonly #timer: NodeJS.Timeout;
  #found = "";

  constructor(target: ResolvedTarget, network: Pick<TunnelNetwork, "reaches">) {
    this.#server = describeServer(target);
    const address = target.address ?? target.addresses?.[0];
    this.#timer = setTimeout(async () => {
      if (address === undefined) return;
      const reached = await network.reaches(address, NFS_PORT, REACH_LIMIT_MS).catch(() => undefined);
      if (reached !== undefined) this.#found = reached ? " accepts connections" : " accepts no connections";
    }, PATIENCE_MS).unref();
  }

  /** What is known so far, for a reader. */
  describe(): string {
    return `without TLS: ${this.#server}, port ${NFS_PORT}${this.#found === "" ? "" : `,${this.#found}`}`;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
