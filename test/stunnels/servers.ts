/** What servers do with their clients. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import { answerNull } from "../fakes/nfs-null.ts";
import { spawnWithTest, type Test } from "../support/authority.ts";
import type { KeyAndCertificate, Pki } from "./pki.ts";
import { certificateReplaced, dataSpoilt } from "./tls-records.ts";

const NFS_PORT = 2049;
/** What OpenSSL does not do any more unless told. */
const OLD = "ALL:@SECLEVEL=0";

interface Place {
  readonly test: Test;
  readonly address: string;
  readonly identity: KeyAndCertificate;
  readonly pki: Pki;
}

/** Starts the server that a case needs at its address. */
const SERVERS = {
  answers: (place) => tls(place),
  "tls1.3-only": (place) => tls(place, { minVersion: "TLSv1.3" }),
  "tls1.1-only": (place) => tls(place, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }),
  "tls1.0-only": (place) => tls(place, { minVersion: "TLSv1", maxVersion: "TLSv1" }),
  "aes128-sha-only": (place) => tls(place, { maxVersion: "TLSv1.2", ciphers: "AES128-SHA:@SECLEVEL=0" }),
  "refuses-clients": (place) => tls(place, { requestCert: true, ca: place.pki.server("wrong-CA").cert }),
  "refuses-clients-by-alert": refusesByAlert,
  "alert-at-NULL-call": (place) => spoiling(place, 1),
  "alert-at-first-real-call": (place) => spoiling(place, 2),
  "closes-after-handshake": (place) => tls(place, {}, (socket) => socket.destroy()),
  "close-notify-after-handshake": (place) => tls(place, {}, (socket) => socket.end()),
  "closes-after-data": (place) => tls(place, {}, (socket) => socket.once("data", () => socket.destroy())),
  "closes-at-first-real-call": (place) => tls(place, {}, answersOnce),
  "replays-certificate": replaysCertificate,
  "speaks-first": (place) => tcp(place, (socket) => void socket.write("220 mail.example ESMTP\r\n")),
  http: (place) =>
    tcp(place, (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))),
  "closes-at-once": (place) => tcp(place, (socket) => socket.end()),
  "rst-at-once": (place) => tcp(place, (socket) => socket.resetAndDestroy()),
  "closes-after-hello": (place) => tcp(place, (socket) => socket.once("data", () => socket.end())),
  "rst-after-hello": (place) => tcp(place, (socket) => socket.once("data", () => socket.resetAndDestroy())),
  silent: (place) => tcp(place, (socket) => void socket.resume()),
  absent: async () => {},
} satisfies Record<string, (place: Place) => Promise<void>>;

export type ServerName = keyof typeof SERVERS;

export function startServer(name: ServerName, place: Place): Promise<void> {
  return SERVERS[name](place);
}

async function tls(
  { test, address, identity }: Place,
  options: TlsOptions = {},
  serve: (socket: TLSSocket) => void = answerNull,
): Promise<void> {
  const server = createTlsServer({ ciphers: OLD, ...identity, ...options }, (socket) =>
    serve(socket.on("error", () => {})),
  );
  await listen(
    test,
    server.on("tlsClientError", () => {}),
    { host: address, port: NFS_PORT },
  );
}

async function tcp(
  { test, address }: Pick<Place, "test" | "address">,
  serve: (socket: Socket) => unknown,
): Promise<void> {
  const server = createServer((socket) => void serve(socket.on("error", () => {})));
  await listen(test, server, { host: address, port: NFS_PORT });
}

/** Resolves with its port. */
async function listen(test: Test, server: Server, place: { host: string; port: number }): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  await once(server.listen(place), "listening");
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

/** As openssl's own server does, in the handshake. */
async function refusesByAlert({ test, address, pki }: Place): Promise<void> {
  const own = ["-cert", pki.file("no-AIA.pem"), "-key", pki.file("rsa.key")];
  const client = ["-Verify", "1", "-verify_return_error", "-CAfile", pki.file("stranger.pem")];
  const place = ["-accept", `${address}:${NFS_PORT}`, "-tls1_2"];
  const server = spawnWithTest(test, "openssl", ["s_server", ...place, ...own, ...client]);
  await once(server.stdout as NodeJS.ReadableStream, "data");
}

function answersOnce(socket: TLSSocket): void {
  answerNull(socket);
  socket.once("data", () => {
    socket.removeAllListeners("data");
    socket.on("data", () => socket.destroy());
  });
}

/** The nth call does not arrive as it was sent, so that the server ends the connection by an alert (bad_record_mac). */
async function spoiling(place: Place, nth: number): Promise<void> {
  await between(place, place.identity, (client, server) => {
    client.pipe(dataSpoilt(nth)).pipe(server);
    server.pipe(client);
  });
}

/** Has a key of its own, and shows the certificate of somebody else. */
async function replaysCertificate(place: Place): Promise<void> {
  await between(place, place.pki.server("other-key"), (client, server) => {
    client.pipe(server);
    server.pipe(certificateReplaced(place.identity.cert)).pipe(client);
  });
}

/** A TLS server with somebody on the way to it. */
async function between(
  place: Place,
  identity: KeyAndCertificate,
  join: (client: Socket, server: Socket) => void,
): Promise<void> {
  const options = { ...identity, ciphers: OLD, maxVersion: "TLSv1.2" } as const;
  const server = createTlsServer(options, (socket) => answerNull(socket.on("error", () => {})));
  const port = await listen(
    place.test,
    server.on("tlsClientError", () => {}),
    { host: "127.0.0.1", port: 0 },
  );
  await tcp(place, (client) => {
    const inner = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [client, inner],
      [inner, client],
    ] as const)
      one.on("error", () => {}).on("close", () => other.destroy());
    join(client, inner);
  });
}
