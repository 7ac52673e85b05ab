/** NFS version 4 and its procedure NULL, which does nothing and needs no credentials (RFC 8881 16.1). */
const NFS_PROGRAM = 100_003;
const NFS_VERSION = 4;
const NULL_PROCEDURE = 0;
/** RFC 5531: message types, version and the empty credential. */
const CALL = 0;
const REPLY = 1;
const RPC_VERSION = 2;
const AUTH_NONE = [0, 0];
/** Marks the last fragment of a record; the other bits are its length (RFC 5531 11). */
const LAST_FRAGMENT = 0x8000_0000;
/** More than this is no answer to a NULL. */
const LONGEST_REPLY = 4096;

/** The call, ready to be sent over TCP. */
export function nullCall(transaction: number): Buffer {
  const words = [
    transaction,
    CALL,
    RPC_VERSION,
    NFS_PROGRAM,
    NFS_VERSION,
    NULL_PROCEDURE,
    ...AUTH_NONE,
    ...AUTH_NONE,
  ];
  const message = Buffer.alloc(4 + 4 * words.length);
  message.writeUInt32BE((LAST_FRAGMENT | (4 * words.length)) >>> 0, 0);
  for (const [index, word] of words.entries()) message.writeUInt32BE(word, 4 + 4 * index);
  return message;
}

/**
 * What the bytes that have come so far are: a reply to the call, whatever it says (a server that refuses
 * lives), the beginning of one, or something else.
 */
export function readReply(received: Buffer, transaction: number): "reply" | "incomplete" | "other" {
  const parts: Buffer[] = [];
  for (let offset = 0; ; ) {
    if (received.length < offset + 4) return "incomplete";
    const mark = received.readUInt32BE(offset);
    const length = mark & 0x7fff_ffff;
    if (length > LONGEST_REPLY) return "other";
    if (received.length < offset + 4 + length) return "incomplete";
    parts.push(received.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
    if (mark >= LAST_FRAGMENT) break;
    if (offset > LONGEST_REPLY) return "other";
  }
  const message = Buffer.concat(parts);
  const isOurs =
    message.length >= 12 && message.readUInt32BE(0) === transaction && message.readUInt32BE(4) === REPLY;
  return isOurs ? "reply" : "other";
}
