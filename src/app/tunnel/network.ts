import { Server } from "node:net";
import { EfsError } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import { type BoundPort, bindPort, boundPort, isReachable } from "../../system/network.ts";
import { type Peer, startPeer } from "../../system/process.ts";
import { type HostAnswer, resolveHost } from "../../system/resolver.ts";
import { callNull, type NullOutcome } from "../../system/rpc.ts";

/** The network namespace that a tunnel and its mount are in. One thing at a time can be asked of it. */
export interface TunnelNetwork {
  /** The path that stands for its namespace; undefined for that of this process. */
  readonly namespace: string | undefined;
  /**
   * Binds the first of these ports of 127.0.0.1 that nobody has; undefined where all are taken.
   *
   * @throws EfsError (system) where that fails for another reason
   */
  bindFirst(ports: Iterable<Port>): Promise<BoundPort | undefined>;
  /** Calls NFS's procedure NULL at a port of 127.0.0.1. */
  callNull(port: Port, limitMs: number, signal: AbortSignal): Promise<NullOutcome>;
  /**
   * What a name means where the tunnel is. In another namespace the name servers may be out of reach: what they
   * say out here counts then, and `isNameKnown` is false.
   *
   * @throws EfsError (system) where that cannot be found out
   */
  resolve(name: string, limitMs: number, signal: AbortSignal): Promise<KnownHost>;
  /**
   * Whether a TCP connection can be made within the limit.
   *
   * @throws EfsError (system) where that cannot be found out
   */
  reaches(host: string, port: number, limitMs: number): Promise<boolean>;
  /** Nothing more will be asked. What was bound stays bound. */
  leave(): void;
}

export interface KnownHost extends HostAnswer {
  /** Whether the name itself can be used there, or its addresses only. */
  readonly isNameKnown: boolean;
}

/** The network of a namespace by its path, or, without one, that of this process. */
export function tunnelNetwork(namespace: string | undefined, socketMaker: string): TunnelNetwork {
  return namespace === undefined ? OWN_NETWORK : new OtherNetwork(namespace, socketMaker);
}

export const OWN_NETWORK: TunnelNetwork = {
  namespace: undefined,
  bindFirst: async (ports) => {
    for (const port of ports) {
      const bound = await bindPort(port);
      if (bound !== undefined) return bound;
    }
    return undefined;
  },
  callNull: async (port, limitMs, signal) => (await callNull("127.0.0.1", port, limitMs, { signal })).outcome,
  resolve: async (name, limitMs, signal) => {
    const answer = await resolveHost(name, { limitMs, signal });
    return { ...answer, isNameKnown: answer.addresses.length > 0 };
  },
  reaches: isReachable,
  leave: () => {},
};

/** A network in which nothing has to be bound; that of this process can be used all the same. */
export function unboundNetwork(
  namespace: string | undefined,
): Pick<TunnelNetwork, "namespace" | "bindFirst"> {
  if (namespace === undefined) return OWN_NETWORK;
  return { namespace, bindFirst: () => Promise.reject(new Error(`nothing is bound in ${namespace}`)) };
}

/** What a socket maker is told. */
export type Order =
  | { readonly bind: readonly Port[] }
  | { readonly callNull: Port; readonly limitMs: number }
  | { readonly reach: string; readonly port: number; readonly limitMs: number };

/** What a socket maker answers. */
export type Answer =
  /** With the listening socket beside it; undefined where all ports are taken. */
  | { readonly bound: Port | undefined }
  | { readonly failed: string; readonly hint: string | undefined }
  | { readonly outcome: NullOutcome }
  | { readonly reachable: boolean };

const NSENTER = "/usr/bin/nsenter";
/** How long node may take to start in there, and to try all ports. */
const LIMIT_MS = 20_000;

/**
 * The network of another namespace. Node cannot enter one (setns(2)), but a socket stays in the namespace
 * that it was made in, whoever has it: a process in there makes sockets and hands them over.
 */
class OtherNetwork implements TunnelNetwork {
  readonly namespace: string;
  readonly #maker: Peer;
  #onAnswer: (answer: Answer, socket: unknown) => void = () => {};

  constructor(namespace: string, socketMaker: string) {
    this.namespace = namespace;
    const program = [NSENTER, `--net=${namespace}`, process.execPath, socketMaker] as const;
    this.#maker = startPeer(program, (answer, socket) => this.#onAnswer(answer as Answer, socket));
  }

  async bindFirst(ports: Iterable<Port>): Promise<BoundPort | undefined> {
    const { answer, socket } = await this.#ask({ bind: [...ports] }, LIMIT_MS);
    if ("failed" in answer) throw this.#failure(answer.failed, answer.hint);
    if (!("bound" in answer) || answer.bound === undefined) return undefined;
    if (!(socket instanceof Server)) throw this.#failure("it did not hand its socket over");
    return boundPort(answer.bound, socket);
  }

  async callNull(port: Port, limitMs: number, signal: AbortSignal): Promise<NullOutcome> {
    const given = new Promise<NullOutcome>((resolve) => {
      signal.addEventListener("abort", () => resolve("silent"), { once: true });
    });
    const asked = this.#ask({ callNull: port, limitMs }, limitMs + LIMIT_MS);
    asked.catch(() => {});
    return Promise.race([
      given,
      asked.then(({ answer }) => ("outcome" in answer ? answer.outcome : "closed")),
    ]);
  }

  async resolve(name: string, limitMs: number, signal: AbortSignal): Promise<KnownHost> {
    const asked = { limitMs, signal };
    const [there, here] = await Promise.all([
      resolveHost(name, { ...asked, namespace: this.namespace }).catch((error: EfsError) => {
        throw this.#failure(error.message);
      }),
      resolveHost(name, asked),
    ]);
    const isNameKnown = there.addresses.length > 0;
    return { ...(isNameKnown ? there : here), isNameKnown };
  }

  async reaches(host: string, port: number, limitMs: number): Promise<boolean> {
    const { answer } = await this.#ask({ reach: host, port, limitMs }, limitMs + LIMIT_MS);
    return "reachable" in answer && answer.reachable;
  }

  leave(): void {
    this.#maker.stop();
  }

  #ask(order: Order, limitMs: number): Promise<{ answer: Answer; socket: unknown }> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(this.#failure(why));
      const timer = setTimeout(fail, limitMs, `no answer within ${limitMs / 1000} s`);
      this.#onAnswer = (answer, socket) => {
        clearTimeout(timer);
        resolve({ answer, socket });
      };
      void this.#maker.ended.then((said) => {
        clearTimeout(timer);
        fail(said.trim() || "node ended in there");
      });
      this.#maker.say(order);
    });
  }

  #failure(why: string, hint = "check the path of netns=PATH; ip netns add makes /run/netns/NAME"): EfsError {
    return new EfsError("system", `the network namespace ${this.namespace} cannot be used: ${why}`, {
      hint,
    });
  }
}
