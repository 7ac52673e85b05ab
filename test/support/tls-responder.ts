import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import { makeCertificate } from "../../src/app/tunnel/certificate.ts";

export const KEY: KeyObject = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
export const KEY_PEM = KEY.export({ type: "pkcs8", format: "pem" }).toString();

/** A certificate as tunnels have them. */
export function certificate(createdAt = new Date()): Promise<string> {
  const subject = {
    hostName: "test-host",
    fsId: "fs-1",
    accessPoint: undefined,
    identity: undefined,
    source: undefined,
    version: "0",
  };
  return makeCertificate(subject, KEY, createdAt);
}

/** A TLS server on a port that the kernel chose, which answers by `serve`. */
export async function tlsResponder(
  test: TestContext,
  serve: (socket: TLSSocket) => void,
): Promise<{ port: number; sockets: Set<TLSSocket> }> {
  const sockets = new Set<TLSSocket>();
  const options = { key: KEY_PEM, cert: await certificate(), requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    serve(socket);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  server.unref();
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, sockets };
}

/** What a server answers to `question` through a local port, as far as it comes before the end. */
export function ask(port: number, question = "?"): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(question));
    socket.setEncoding("utf8").on("data", (part) => {
      answer += part;
    });
    socket.on("end", () => resolve(answer)).on("error", reject);
  });
}
