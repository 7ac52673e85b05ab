import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Test } from "./authority.ts";

/** Does what it is told by lines of standard input, and answers each with a line. */
const PROGRAM = `
  const net = require("node:net");
  let socket, heard = "";
  const say = (text) => console.log(text);
  const once = (say) => { let said = false; return (text) => { if (!said) { said = true; say(text); } }; };
  const orders = {
    connect(port, from) {
      const answer = once(say);
      socket?.destroy();
      socket = net.connect({ host: "127.0.0.1", port: Number(port), localPort: Number(from) || undefined });
      socket.on("connect", () => answer("connected")).on("error", (error) => answer(error.code));
      socket.on("data", (part) => { heard += part; });
      socket.setTimeout(1000, () => answer("silence"));
    },
    write(text) {
      const answer = once(say);
      socket.on("error", (error) => answer(error.code)).on("close", () => answer("closed"));
      socket.on("data", () => answer("answered"));
      socket.write(text);
      socket.setTimeout(1000, () => answer("silence"));
    },
    listen(port) {
      heard = "";
      const server = net.createServer((peer) => {
        peer.on("data", (part) => { heard += part; peer.write("hello"); }).on("error", () => {});
      });
      server.on("error", (error) => say(error.code)).listen(Number(port), "127.0.0.1", () => say("listens"));
    },
    heard() { say(heard); },
  };
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const [order, ...args] = line.split(" ");
    orders[order](...args);
  });`;

export const ROOT = 0;
export const NOBODY = 65_534;

/** A process of some user's with sockets. */
export class User {
  readonly #child;
  readonly #lines;

  /** @param test ends it */
  constructor(test: Test, uid: number) {
    const identity = ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"];
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...identity, process.execPath, "-e", PROGRAM], {
      cwd: "/",
      stdio: ["pipe", "pipe", "inherit"],
    });
    const child = this.#child;
    this.#lines = createInterface({ input: child.stdout });
    test.after(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    });
  }

  /** Connects to a port of 127.0.0.1, which may be told from which; "connected", or why not. */
  connect(port: number, from = 0): Promise<string> {
    return this.#ask(`connect ${port} ${from}`);
  }

  /** Writes on its connection: "answered", or what came of it instead. */
  write(text: string): Promise<string> {
    return this.#ask(`write ${text}`);
  }

  /** Listens on a port, and answers who connects: "listens", or why not. */
  listen(port: number): Promise<string> {
    return this.#ask(`listen ${port}`);
  }

  /** All that others have sent to it since it listens. */
  heard(): Promise<string> {
    return this.#ask("heard");
  }

  async #ask(order: string): Promise<string> {
    const answer = once(this.#lines, "line", { signal: AbortSignal.timeout(60_000) });
    this.#child.stdin.write(`${order}\n`);
    return String((await answer)[0]);
  }
}
