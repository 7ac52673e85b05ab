/** One value of DER (X.690), read without the library that wrote it. */
export interface Der {
  readonly tag: number;
  readonly content: Buffer;
}

/** The values that stand one after the other in a buffer. */
export function readDer(bytes: Buffer): Der[] {
  const values: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at);
    const first = bytes.readUInt8(at + 1);
    const count = first < 0x80 ? 0 : first - 0x80;
    const length = count === 0 ? first : bytes.readUIntBE(at + 2, count);
    const start = at + 2 + count;
    if (start + length > bytes.length) throw new Error("a value ends behind its end");
    values.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}

const TAG = { utf8: 0x0c, octets: 0x04, utcTime: 0x17, sequence: 0x30, explicit0: 0xa0 };

/** A value as text that shows its types: `{UTF8 a, OCTETS b}`. */
export function show({ tag, content }: Der): string {
  const inner = () => readDer(content).map(show).join(", ");
  switch (tag) {
    case TAG.utf8:
      return `UTF8 ${content.toString("utf8")}`;
    case TAG.octets:
      return `OCTETS ${content.toString("latin1")}`;
    case TAG.utcTime:
      return `TIME ${content.toString("latin1")}`;
    case TAG.sequence:
      return `{${inner()}}`;
    case TAG.explicit0:
      return `[0] ${inner()}`;
    default:
      return `${tag} ${content.toString("hex")}`;
  }
}

/** The extensions of a certificate: identifier in hexadecimal, and value. */
export function extensions(certificate: Buffer): [oid: string, value: Der][] {
  const [whole] = readDer(certificate);
  const [signed] = readDer(whole?.content ?? Buffer.alloc(0));
  const fields = readDer(signed?.content ?? Buffer.alloc(0));
  const [list] = readDer(fields.find(({ tag }) => tag === 0xa3)?.content ?? Buffer.alloc(0));
  return readDer(list?.content ?? Buffer.alloc(0)).map(({ content }) => {
    const parts = readDer(content);
    const [value] = readDer(parts.at(-1)?.content ?? Buffer.alloc(0));
    if (value === undefined || parts.length !== 2) throw new Error("an extension is no identifier and value");
    return [parts[0]?.content.toString("hex") ?? "", value];
  });
}
