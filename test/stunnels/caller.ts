/** A client that calls NULL through a tunnel all the time, on one connection after the other. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { nullCall } from "../../src/core/watchdog/null-call.ts";

/** Calls a connection: the next ones are on another one. */
const CALLS = 20;
const PACE_MS = 5;

export class Caller {
  /** Calls that were answered. */
  answered = 0;
  /** Connections that were not accepted. */
  refused = 0;
  /** Connections that ended before their last answer. */
  broken = 0;
  #isStopped = false;
  readonly #ended: Promise<void>;

  constructor(port: number) {
    this.#ended = this.#run(port);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
  }

  async #run(port: number): Promise<void> {
    while (!this.#isStopped) {
      const socket = connect(port, "127.0.0.1");
      try {
        await once(socket, "connect");
        await this.#call(socket);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") this.refused += 1;
        else this.broken += 1;
        await pause(PACE_MS);
      } finally {
        socket.destroy();
      }
    }
  }

  async #call(socket: ReturnType<typeof connect>): Promise<void> {
    const ended = new AbortController();
    socket.once("close", () => ended.abort());
    for (let count = 0; count < CALLS && !this.#isStopped; count += 1) {
      socket.write(nullCall(count));
      await once(socket, "data", { signal: ended.signal });
      this.answered += 1;
      await pause(PACE_MS);
    }
  }
}
