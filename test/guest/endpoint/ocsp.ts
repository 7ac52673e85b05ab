/** The OCSP responder that the server's certificate names. */
import { mkdirSync, openSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { eventually, Service } from "../runner/command.ts";
import { listeners } from "../runner/proc.ts";
import { type Pki, RESPONDER } from "./pki.ts";

/** `absent`: nobody listens. `silent`: connections are taken and never answered. */
export type OcspMode = "good" | "revoked" | "absent" | "silent";

export class OcspResponder {
  readonly #pki: Pki;
  readonly #log: string;
  #mode: OcspMode = "absent";
  #service: Service | undefined;
  #silent: { server: Server; sockets: Set<Socket> } | undefined;

  constructor(pki: Pki, log: string) {
    this.#pki = pki;
    this.#log = log;
  }

  get mode(): OcspMode {
    return this.#mode;
  }

  async become(mode: OcspMode): Promise<void> {
    if (mode === this.#mode) return;
    await this.#service?.stop("SIGKILL");
    this.#silent?.server.close();
    for (const socket of this.#silent?.sockets ?? []) socket.destroy();
    this.#service = undefined;
    this.#silent = undefined;
    this.#mode = mode;
    if (mode === "silent") this.#silent = await listenSilently();
    if (mode === "good" || mode === "revoked") await this.#answer(mode);
  }

  async #answer(mode: "good" | "revoked"): Promise<void> {
    mkdirSync(dirname(this.#log), { recursive: true });
    const authority = this.#pki.authority;
    const signer = ["-rsigner", authority, "-rkey", authority.replace(".pem", ".key"), "-CA", authority];
    const args = ["ocsp", "-index", this.#pki.index(mode), ...signer, "-nmin", "5", "-port"];
    this.#service = new Service("openssl", [...args, String(RESPONDER.port)], openSync(this.#log, "a"));
    await eventually("the OCSP responder listens", () =>
      listeners().some((listener) => listener.port === RESPONDER.port),
    );
  }
}

async function listenSilently() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(RESPONDER.port, RESPONDER.address, resolve));
  return { server, sockets };
}
