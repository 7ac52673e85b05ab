import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Server } from "node:net";
import { run } from "../fakes/namespaces.ts";
import type { Test } from "../support/authority.ts";
import { Child } from "../support/children.ts";

/** Listens where it is told to, and hands the socket over. */
const LISTENER = `
  const [port, address] = process.argv.slice(1);
  const server = require("node:net").createServer().listen(Number(port), address, () => {
    process.send({}, server, () => process.exit());
  });
  server.on("error", (error) => process.send({ error: error.message }));`;

let count = 0;

/** A network namespace behind a wire that can be cut. */
export class CutOffNetwork {
  readonly #path: string;
  readonly #device: string;
  /** The only one in there. */
  readonly address: string;

  private constructor(path: string, device: string, address: string) {
    this.#path = path;
    this.#device = device;
    this.address = address;
  }

  static async make(test: Test): Promise<CutOffNetwork> {
    count += 1;
    const holder = new Child(test, "unshare", ["--net", "/bin/sh", "-c", "echo ready; read x"]);
    await holder.line();
    const path = `/proc/${holder.pid}/ns/net`;
    const [near, far] = [`near${count}`, `far${count}`];
    const addresses = [1, 2].map((host) => `10.0.${count}.${host}`);
    run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", String(holder.pid));
    run("ip", "address", "add", `${addresses[0]}/24`, "dev", near);
    run("nsenter", `--net=${path}`, "ip", "address", "add", `${addresses[1]}/24`, "dev", far);
    run("nsenter", `--net=${path}`, "ip", "link", "set", far, "up");
    const network = new CutOffNetwork(path, near, addresses[1] ?? "");
    network.mend();
    return network;
  }

  /** A socket in there that listens. */
  async listen(port: number): Promise<Server> {
    const program = [process.execPath, "-e", LISTENER, String(port), this.address];
    const child = spawn("nsenter", [`--net=${this.#path}`, ...program], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [{ error }, socket] = (await once(child, "message")) as [{ error?: string }, Server];
    if (error !== undefined) throw new Error(error);
    return socket;
  }

  cut(): void {
    run("ip", "link", "set", this.#device, "down");
  }

  mend(): void {
    run("ip", "link", "set", this.#device, "up");
  }
}
