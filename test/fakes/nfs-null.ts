import type { Duplex } from "node:stream";

/** Answers every call on a connection with an empty success (RFC 5531). */
export function answerNull(socket: Duplex): void {
  socket.on("data", (call: Buffer) => {
    const reply = Buffer.alloc(28);
    reply.writeUInt32BE(0x8000_0018, 0);
    call.copy(reply, 4, 4, 8);
    reply.writeUInt32BE(1, 8);
    socket.write(reply);
  });
}
