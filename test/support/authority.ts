import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";

/** What ends with a test, or with all tests of a group. */
export interface Test {
  after(cleanUp: () => unknown): void;
}

/** A directory that ends with the test. */
export function temporaryDirectory(test: Test, name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `efs-${name}-`));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly files: { readonly cert: string; readonly key: string };
}

interface Wanted {
  readonly host: string;
  readonly serial?: number;
  /** The responder that knows whether it is revoked. */
  readonly responder?: string;
  readonly expired?: boolean;
}

const EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority that signs certificates for servers (openssl(1)). */
export class Authority {
  readonly #directory: string;
  readonly certificate: string;
  readonly #key: string;
  #count = 0;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.certificate = join(directory, `${name}.pem`);
    this.#key = join(directory, `${name}.key`);
    const files = ["-keyout", this.#key, "-out", this.certificate];
    openssl("req", "-x509", ...EC_KEY, "-subj", `/CN=${name}`, "-days", "2", ...files);
  }

  server({ host, serial = 1, responder, expired = false }: Wanted): ServerCertificate {
    this.#count += 1;
    const [key, cert, request, extensions] = ["key", "pem", "csr", "ext"].map(
      (suffix) => `${this.certificate}.${this.#count}.${suffix}`,
    ) as [string, string, string, string];
    const access = responder === undefined ? "" : `authorityInfoAccess=OCSP;URI:${responder}\n`;
    writeFileSync(extensions, `subjectAltName=DNS:${host}\n${access}`);
    openssl("req", "-new", ...EC_KEY, "-subj", "/CN=server", "-keyout", key, "-out", request);
    const signer = ["-CA", this.certificate, "-CAkey", this.#key, "-set_serial", String(serial)];
    const days = ["-days", expired ? "-1" : "2"];
    openssl("x509", "-req", "-in", request, ...signer, ...days, "-extfile", extensions, "-out", cert);
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8"), files: { key, cert } };
  }

  /**
   * Starts a responder that calls these serial numbers good or revoked, and knows no others; its URL.
   *
   * @param status `good`, or when and why it was revoked, as in a CA's index
   */
  async responder(test: Test, status: Record<number, string>): Promise<string> {
    const index = join(this.#directory, "index.txt");
    const lines = Object.entries(status).map(([serial, state]) => {
      const [mark, revoked] = state === "good" ? ["V", ""] : ["R", state];
      return `${mark}\t491231235959Z\t${revoked}\t000${serial}\tunknown\t/CN=server\n`;
    });
    writeFileSync(index, lines.join(""));
    const signer = ["-rsigner", this.certificate, "-rkey", this.#key, "-CA", this.certificate];
    const args = ["ocsp", "-index", index, ...signer, "-nmin", "5", "-port", "0"];
    return `http://127.0.0.1:${await opensslServer(test, args)}`;
  }
}

/** Starts one of openssl's servers; its port, once it listens. */
export async function opensslServer(test: Test, args: readonly string[]): Promise<number> {
  const child = spawnWithTest(test, "openssl", args);
  for await (const line of createInterface(child.stdout as NodeJS.ReadableStream)) {
    const port = /^ACCEPT .*:(\d+)/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`openssl ${args[0]} does not start`);
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Starts a program that ends with the test, or with this process at the latest. */
export function spawnWithTest(test: Test, file: string, args: readonly string[]): ChildProcess {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", file, ...args], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(child, "close");
  test.after(async () => {
    child.kill("SIGKILL");
    child.stdout?.destroy();
    await ended;
  });
  return child;
}

/** A TLS server on a port that the kernel chose, which treats connections as told. */
export async function tlsServer(
  test: Test,
  options: TlsOptions,
  serve: (socket: TLSSocket) => void = (socket) => void socket.resume(),
): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createTlsServer(options, (socket) => serve(socket.on("error", () => {})));
  server.on("connection", (socket) => sockets.add(socket)).on("tlsClientError", () => {});
  return listen(test, server, sockets);
}

/** A TCP server on a port that the kernel chose, which treats connections as told. */
export async function tcpServer(test: Test, serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    serve(socket);
  });
  return listen(test, server, sockets);
}

async function listen(
  test: Test,
  server: Server,
  sockets: ReadonlySet<{ destroy(): void }>,
): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}
