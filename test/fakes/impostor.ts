import { X509Certificate } from "node:crypto";
import { connect, type Socket } from "node:net";

/** RFC 5246: record and handshake types. */
const HANDSHAKE = 22;
const CERTIFICATE = 11;
const SERVER_HELLO_DONE = 14;

/**
 * Passes a connection on to a TLS 1.2 server, and shows the certificate of somebody else in the place of the server's own: what
 * a server does that has EFS's certificate, which is public, and not its key.
 *
 * @param shown the certificate in PEM
 * @param server the local port of a TLS server with a key and a certificate of its own
 */
export function impersonate(client: Socket, shown: string, server: number): void {
  const upstream = connect(server, "127.0.0.1");
  const end = () => {
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
  client.on("data", (part) => upstream.write(part));
  let received = Buffer.alloc(0);
  let isShown = false;
  upstream.on("data", (part) => {
    if (isShown) return client.write(part);
    received = Buffer.concat([received, part]);
    const messages = handshakeMessages(received);
    if (messages.at(-1)?.[0] !== SERVER_HELLO_DONE) return;
    isShown = true;
    const der = new X509Certificate(shown).raw;
    const list = Buffer.concat([length24(der.length + 3), length24(der.length), der]);
    const own = Buffer.concat([Buffer.from([CERTIFICATE]), length24(list.length), list]);
    const flight = Buffer.concat(messages.map((message) => (message[0] === CERTIFICATE ? own : message)));
    const header = Buffer.from([HANDSHAKE, 3, 3, flight.length >> 8, flight.length & 0xff]);
    return client.write(Buffer.concat([header, flight]));
  });
}

/** The whole handshake messages in a stream of records. */
function handshakeMessages(stream: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let offset = 0; stream.length >= offset + 5; offset += 5 + stream.readUInt16BE(offset + 3))
    parts.push(stream.subarray(offset + 5, offset + 5 + stream.readUInt16BE(offset + 3)));
  const text = Buffer.concat(parts);
  const messages: Buffer[] = [];
  for (let offset = 0; text.length >= offset + 4; ) {
    const next = offset + 4 + text.readUIntBE(offset + 1, 3);
    if (next > text.length) break;
    messages.push(text.subarray(offset, next));
    offset = next;
  }
  return messages;
}

function length24(length: number): Buffer {
  return Buffer.from([length >> 16, (length >> 8) & 0xff, length & 0xff]);
}
