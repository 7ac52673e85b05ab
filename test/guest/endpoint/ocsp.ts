/** The OCSP responder that the server's certificate names. */
import { mkdirSync, openSync } from "node:fs";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
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
  #signer: Service | undefined;
  #front: Front | undefined;

  constructor(pki: Pki, log: string) {
    this.#pki = pki;
    this.#log = log;
  }

  get mode(): OcspMode {
    return this.#mode;
  }

  async become(mode: OcspMode): Promise<void> {
    if (mode === this.#mode) return;
    this.#front?.stop();
    await this.#signer?.stop("SIGKILL");
    this.#signer = undefined;
    this.#front = undefined;
    this.#mode = mode;
    if (mode === "silent") this.#front = await listen(createServer((socket) => socket.resume()));
    if (mode === "good" || mode === "revoked") {
      await this.#startSigner(mode);
      this.#front = await listen(createHttpServer(relay));
    }
  }

  async #startSigner(mode: "good" | "revoked"): Promise<void> {
    mkdirSync(dirname(this.#log), { recursive: true });
    const authority = this.#pki.authority;
    const signer = ["-rsigner", authority, "-rkey", authority.replace(".pem", ".key"), "-CA", authority];
    const args = ["ocsp", "-index", this.#pki.index(mode), ...signer, "-nmin", "5", "-port"];
    this.#signer = new Service("openssl", [...args, String(RESPONDER.signerPort)], openSync(this.#log, "a"));
    await eventually("the OCSP responder listens", () =>
      listeners().some((listener) => listener.port === RESPONDER.signerPort),
    );
  }
}

/**
 * Hands whole requests on, one connection each: `openssl ocsp` loops for ever once a client has gone without
 * having asked, as a killed stunnel does.
 */
function relay(incoming: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  incoming.on("data", (part: Buffer) => parts.push(part));
  incoming.on("end", () => {
    const body = Buffer.concat(parts);
    const { method, url: path } = incoming;
    const headers = { "content-type": "application/ocsp-request", "content-length": body.length };
    const outgoing = request(
      { method, path, headers, agent: false, port: RESPONDER.signerPort },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, { "content-type": "application/ocsp-response" });
        answer.pipe(response);
      },
    );
    outgoing.on("error", () => response.writeHead(502).end()).end(body);
  });
}

interface Front {
  stop: () => void;
}

async function listen(server: Server): Promise<Front> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(RESPONDER.port, RESPONDER.address, resolve);
  });
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { stop };
}
