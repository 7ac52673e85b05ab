/** Changes in what TLS 1.2 sends (RFC 5246 6.2.1: type, version, length). */
import { X509Certificate } from "node:crypto";
import { Transform } from "node:stream";

const HEADER = 5;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const CERTIFICATE = 11;

/** Passes records on, each changed as told. */
function records(change: (record: Buffer) => Buffer): Transform {
  let rest = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _, done) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= HEADER && rest.length >= HEADER + rest.readUInt16BE(3)) {
        const length = HEADER + rest.readUInt16BE(3);
        this.push(change(Buffer.from(rest.subarray(0, length))));
        rest = rest.subarray(length);
      }
      done();
    },
  });
}

/** Flips a bit of the nth record with data. */
export function dataSpoilt(nth: number): Transform {
  let seen = 0;
  return records((record) => {
    if (record[0] === APPLICATION_DATA) {
      seen += 1;
      if (seen === nth) record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
    }
    return record;
  });
}

/** Puts another certificate (PEM) in the place of the server's. */
export function certificateReplaced(pem: string): Transform {
  const der = new X509Certificate(pem).raw;
  const length = (value: number) => Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);
  // RFC 5246 7.4.2: a list with one entry, each with its length
  const list = Buffer.concat([length(der.length + 3), length(der.length), der]);
  const message = Buffer.concat([Buffer.from([CERTIFICATE]), length(list.length), list]);
  return records((record) => {
    if (record[0] !== HANDSHAKE || record[HEADER] !== CERTIFICATE) return record;
    const header = Buffer.from(record.subarray(0, HEADER));
    header.writeUInt16BE(message.length, 3);
    return Buffer.concat([header, message]);
  });
}
