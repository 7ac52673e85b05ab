import { createHash } from "node:crypto";
import asn1 from "node-forge/lib/asn1.js";

/** What a client certificate says (X.509, RFC 5280; the extensions are EFS's own). */
export interface ClientCertificate {
  /** 64 characters at most. */
  readonly commonName: string;
  readonly fsId: string;
  readonly accessPoint: string | undefined;
  readonly clientInfo: { readonly source: string; readonly version: string };
  readonly clientAuth: ClientAuth | undefined;
  /** The public key as a DER SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  readonly serial: Buffer;
  readonly createdAt: Date;
}

/** The signed proof of an IAM identity. */
export interface ClientAuth {
  readonly accessKeyId: string;
  /** The SigV4 signature, 64 hexadecimal digits. */
  readonly signature: string;
  readonly sessionToken: string | undefined;
}

const MINUTE_MS = 60_000;
const VALID_BEFORE_MS = 15 * MINUTE_MS;
/** How long a certificate is valid from its creation. */
export const VALID_AFTER_MS = 180 * MINUTE_MS;

const OID = {
  commonName: "2.5.4.3",
  sha256WithRsa: "1.2.840.113549.1.1.11",
  subjectKeyIdentifier: "2.5.29.14",
  accessPoint: "1.3.6.1.4.1.4843.7.1",
  clientAuth: "1.3.6.1.4.1.4843.7.2",
  fileSystem: "1.3.6.1.4.1.4843.7.3",
  clientInfo: "1.3.6.1.4.1.4843.7.4",
};

type Node = ReturnType<typeof asn1.create>;

const { Class, Type } = asn1;
const UNIVERSAL = Class.UNIVERSAL;
/** forge keeps octets as characters. */
const octets = (buffer: Buffer) => buffer.toString("latin1");
const primitive = (type: number, value: string) => asn1.create(UNIVERSAL, type, false, value);
const sequence = (...items: Node[]) => asn1.create(UNIVERSAL, Type.SEQUENCE, true, items);
const oid = (dotted: string) => primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
const utf8 = (text: string) => primitive(Type.UTF8, octets(Buffer.from(text, "utf8")));
const octetString = (value: string) => primitive(Type.OCTETSTRING, value);
const explicit = (tag: number, item: Node) => asn1.create(Class.CONTEXT_SPECIFIC, tag as never, true, [item]);
const utcTime = (time: Date) => primitive(Type.UTCTIME, utcTimeText(time));
const der = (node: Node) => Buffer.from(asn1.toDer(node).getBytes(), "latin1");
const sha256WithRsa = () => sequence(oid(OID.sha256WithRsa), primitive(Type.NULL, ""));

/** `yymmddHHMMSSZ` in UTC, as a UTCTime holds it and the state file records it. */
export function utcTimeText(time: Date): string {
  return `${time.toISOString().replaceAll(/[-:T]/g, "").slice(2, 14)}Z`;
}

/**
 * SHA-1 of the key's bits, which the subjectKeyIdentifier holds and an IAM signature covers (RFC 5280
 * 4.2.1.2), in lower-case hexadecimal.
 *
 * @param publicKey DER SubjectPublicKeyInfo
 */
export function publicKeyHash(publicKey: Buffer): string {
  const [, bits] = asn1.fromDer(octets(publicKey), { decodeBitStrings: false } as never).value as Node[];
  // the first octet of a BIT STRING counts unused bits: none here
  const key = Buffer.from(String(bits?.value).slice(1), "latin1");
  return createHash("sha1").update(key).digest("hex");
}

/** The part of the certificate that is signed, as DER. */
export function toBeSigned(certificate: ClientCertificate): Buffer {
  const name = sequence(
    asn1.create(UNIVERSAL, Type.SET, true, [sequence(oid(OID.commonName), utf8(certificate.commonName))]),
  );
  const created = certificate.createdAt.getTime();
  const publicKey = asn1.fromDer(octets(certificate.publicKey), { decodeBitStrings: false } as never);
  const VERSION_3 = "\u0002";
  return der(
    sequence(
      explicit(0, primitive(Type.INTEGER, VERSION_3)),
      primitive(Type.INTEGER, octets(positive(certificate.serial))),
      sha256WithRsa(),
      name,
      sequence(utcTime(new Date(created - VALID_BEFORE_MS)), utcTime(new Date(created + VALID_AFTER_MS))),
      name,
      publicKey,
      explicit(3, sequence(...extensions(certificate))),
    ),
  );
}

/** A positive INTEGER's octets in their shortest form. */
function positive(number: Buffer): Buffer {
  const first = number.findIndex((octet) => octet !== 0);
  const digits = first === -1 ? Buffer.from([0]) : number.subarray(first);
  return (digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}

function extensions({
  publicKey,
  accessPoint,
  clientAuth,
  fsId,
  clientInfo,
  createdAt,
}: ClientCertificate): Node[] {
  const extension = (id: string, value: Node) => sequence(oid(id), octetString(octets(der(value))));
  const keyIdentifier = octets(Buffer.from(publicKeyHash(publicKey), "hex"));
  return [
    extension(OID.subjectKeyIdentifier, octetString(keyIdentifier)),
    ...(accessPoint === undefined ? [] : [extension(OID.accessPoint, utf8(accessPoint))]),
    ...(clientAuth === undefined ? [] : [extension(OID.clientAuth, clientAuthValue(clientAuth, createdAt))]),
    extension(OID.fileSystem, utf8(fsId)),
    extension(OID.clientInfo, sequence(utf8(clientInfo.source), utf8(clientInfo.version))),
  ];
}

function clientAuthValue({ accessKeyId, signature, sessionToken }: ClientAuth, createdAt: Date): Node {
  return sequence(
    utf8(accessKeyId),
    octetString(signature),
    utcTime(createdAt),
    ...(sessionToken === undefined ? [] : [explicit(0, utf8(sessionToken))]),
  );
}

/** The whole certificate in PEM: what was signed, and an RSA signature with SHA-256 over it. */
export function signedCertificate(signedPart: Buffer, signature: Buffer): string {
  const NO_UNUSED_BITS = "\u0000";
  const body = der(
    sequence(
      asn1.fromDer(octets(signedPart), { decodeBitStrings: false } as never),
      sha256WithRsa(),
      primitive(Type.BITSTRING, NO_UNUSED_BITS + octets(signature)),
    ),
  );
  const lines = body.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
