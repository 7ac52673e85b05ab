/**
 * What EFS makes of a client certificate: which file system it is for, by which access point, and whose
 * signature it carries. Nothing of the product is used here, which would only agree with itself.
 */
import { createHash, createHmac, type X509Certificate } from "node:crypto";
import { type Der, extensions, readDer } from "../../core/certificate/der.ts";

/** Keys that AWS has given out. */
export interface KnownKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** What the file system knows. */
export interface Known {
  readonly fsId: string;
  readonly region: string;
  readonly keys: readonly KnownKeys[];
}

/** Whom a proper certificate is of. */
export interface Client {
  readonly serial: string;
  readonly hostName: string;
  readonly createdAt: Date;
  readonly accessPoint: string | undefined;
  /** Undefined for an anonymous client. */
  readonly accessKeyId: string | undefined;
  readonly source: string;
  readonly version: string;
}

/** Why a client is refused. */
export class Refused extends Error {
  override name = "Refused";
}

const TAG = { integer: 0x02, octets: 0x04, oid: 0x06, utf8: 0x0c, utcTime: 0x17, sequence: 0x30, set: 0x31 };
const VERSION = 0xa0;
const EXPLICIT_0 = 0xa0;
/** Identifiers as DER has them, in hexadecimal. */
const OID = { commonName: "550403", sha256WithRsa: "2a864886f70d01010b", keyIdentifier: "551d0e" };
const ARC = "2b06010401a56b07";
const [ACCESS_POINT, CLIENT_AUTH, FILE_SYSTEM, CLIENT_INFO] = ["01", "02", "03", "04"].map(
  (last) => ARC + last,
);

const MINUTE_MS = 60_000;
const KEY_BITS = 3072;
const [BEFORE_MS, AFTER_MS] = [15 * MINUTE_MS, 180 * MINUTE_MS];
const SIGNATURE_LIFE_S = 86_400;
/** How far a client's clock may be ahead. */
const AHEAD_MS = 5 * MINUTE_MS;

function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Refused(otherwise);
}

/** @throws Refused for whatever is not as it has to be */
export function identify(certificate: X509Certificate, known: Known, now: Date): Client {
  const { hostName, createdAt, publicKey } = readBody(certificate, now);
  const keyHash = createHash("sha1").update(publicKey).digest("hex");
  const said = readExtensions(certificate);
  must(
    said.get(OID.keyIdentifier)?.content.toString("hex") === keyHash,
    "the key identifier is another key's",
  );
  must(text(said.get(FILE_SYSTEM ?? "")) === known.fsId, "it is for another file system");
  const [source, version, ...more] = sequence(said.get(CLIENT_INFO ?? "")).map(text);
  must(
    source !== undefined && version !== undefined && more.length === 0,
    "the client information is malformed",
  );
  const accessPoint = said.get(ACCESS_POINT ?? "");
  const clientAuth = said.get(CLIENT_AUTH ?? "");
  return {
    serial: certificate.serialNumber,
    hostName,
    createdAt,
    source,
    version,
    accessPoint: accessPoint && text(accessPoint),
    accessKeyId: clientAuth && readClientAuth(sequence(clientAuth), { keyHash, createdAt, known, now }),
  };
}

/** What every certificate has: version 3, signed by itself, of the right age and kind of key. */
function readBody(certificate: X509Certificate, now: Date) {
  const [whole, ...rest] = readDer(certificate.raw);
  const [body, algorithm] = sequence(whole);
  const fields = sequence(body);
  must(rest.length === 0 && fields.length === 8, "it is no certificate of eight fields");
  const [version, , signed, issuer, validity, subject, publicKey] = fields as [
    Der,
    Der,
    Der,
    Der,
    Der,
    Der,
    Der,
  ];
  must(version.tag === VERSION && version.content.toString("hex") === "020102", "it is not of version 3");
  for (const each of [signed, algorithm]) {
    const [oid] = sequence(each);
    must(oid?.content.toString("hex") === OID.sha256WithRsa, "it is not signed with RSA and SHA-256");
  }
  must(issuer.content.equals(subject.content), "its issuer is another");
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const isRsa = asymmetricKeyType === "rsa" && asymmetricKeyDetails?.modulusLength === KEY_BITS;
  must(isRsa, `its key is no RSA key of ${KEY_BITS} bits`);
  must(certificate.verify(certificate.publicKey), "its own key did not sign it");
  const [from, to] = sequence(validity).map(utcTime);
  must(
    from !== undefined && to !== undefined && to - from === BEFORE_MS + AFTER_MS,
    "it is valid for another time",
  );
  must(from <= now.getTime(), "it is not valid yet");
  must(now.getTime() <= to, "it has expired");
  const [, bits] = sequence(publicKey);
  must(bits !== undefined && bits.content[0] === 0, "its key is malformed");
  return {
    hostName: commonName(subject),
    createdAt: new Date(from + BEFORE_MS),
    publicKey: bits.content.subarray(1),
  };
}

/** A name that has nothing but a host's in it. */
function commonName(name: Der): string {
  const [set, ...others] = sequence(name);
  must(set?.tag === TAG.set && others.length === 0, "its subject is no single name");
  const [attribute] = readDer(set.content);
  const [type, value] = sequence(attribute);
  must(type?.content.toString("hex") === OID.commonName, "its subject is no common name");
  const host = text(value);
  must([...host].length <= 64, "its common name is too long");
  return host;
}

function readExtensions(certificate: X509Certificate): Map<string, Der> {
  const list = extensions(certificate.raw);
  const said = new Map(list);
  const understood = [OID.keyIdentifier, ACCESS_POINT, CLIENT_AUTH, FILE_SYSTEM, CLIENT_INFO];
  must(said.size === list.length, "an extension is there twice");
  must(
    list.every(([oid]) => understood.includes(oid)),
    "an extension is unknown",
  );
  return said;
}

interface Signed {
  readonly keyHash: string;
  readonly createdAt: Date;
  readonly known: Known;
  readonly now: Date;
}

/** @returns the access key id, once its signature was made anew and is the same */
function readClientAuth(fields: Der[], { keyHash, createdAt, known, now }: Signed): string {
  const [id, signature, time, token, ...more] = fields;
  must(more.length === 0, "the client authentication is malformed");
  const accessKeyId = text(id);
  must(signature?.tag === TAG.octets && signature.content.length === 64, "the signature is malformed");
  const at = utcTime(time);
  must(at === createdAt.getTime(), "the signature is of another time than the certificate");
  must(at <= now.getTime() + AHEAD_MS, "the signature is of the future");
  must(now.getTime() - at <= SIGNATURE_LIFE_S * 1000, "the signature has expired");
  const keys = known.keys.find((each) => each.accessKeyId === accessKeyId);
  must(keys !== undefined, `nobody has the key ${accessKeyId}`);
  must(token === undefined || token.tag === EXPLICIT_0, "the session token is malformed");
  const sessionToken = token === undefined ? undefined : text(readDer(token.content)[0]);
  must(sessionToken === keys.sessionToken, `the session token is not that of ${accessKeyId}`);
  const expected = sign(keys, { fsId: known.fsId, region: known.region, keyHash, time: stamp(at) });
  must(signature.content.toString("latin1") === expected, `the signature is not that of ${accessKeyId}`);
  return accessKeyId;
}

/** `yyyymmddThhmmssZ` */
function stamp(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  return `${date.replaceAll("-", "")}T${time.slice(0, 8).replaceAll(":", "")}Z`;
}

/** RFC 3986, octet by octet. */
function encoded(plain: string): string {
  let all = "";
  for (const octet of Buffer.from(plain)) {
    const char = String.fromCharCode(octet);
    all += /[A-Za-z0-9\-._~]/.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return all;
}

const sha256 = (all: string) => createHash("sha256").update(all).digest("hex");
const hmac = (key: string | Buffer, all: string) => createHmac("sha256", key).update(all).digest();

/** The signature of the one request that a client may make, by AWS Signature Version 4. */
function sign(
  { accessKeyId, secretAccessKey, sessionToken }: KnownKeys,
  { fsId, region, keyHash, time }: { fsId: string; region: string; keyHash: string; time: string },
): string {
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/elasticfilesystem/aws4_request`;
  const token = sessionToken === undefined ? "" : `&X-Amz-Security-Token=${encoded(sessionToken)}`;
  const query =
    `Action=Connect&PublicKeyHash=${keyHash}&X-Amz-Algorithm=AWS4-HMAC-SHA256` +
    `&X-Amz-Credential=${encoded(`${accessKeyId}/${scope}`)}&X-Amz-Date=${time}` +
    `&X-Amz-Expires=${SIGNATURE_LIFE_S}${token}&X-Amz-SignedHeaders=host`;
  const request = `GET\n/\n${query}\nhost:${fsId}\nhost\n${sha256("")}`;
  const forDay = hmac(`AWS4${secretAccessKey}`, day);
  const key = hmac(hmac(hmac(forDay, region), "elasticfilesystem"), "aws4_request");
  return hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(request)}`).toString("hex");
}

function sequence(value: Der | undefined): Der[] {
  must(value?.tag === TAG.sequence, "a sequence is missing");
  return readDer(value.content);
}

function text(value: Der | undefined): string {
  must(value?.tag === TAG.utf8, "a text is missing");
  return value.content.toString("utf8");
}

/** Milliseconds since the epoch. */
function utcTime(value: Der | undefined): number {
  must(value?.tag === TAG.utcTime, "a time is missing");
  const found = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(value.content.toString("latin1"));
  must(found !== null, "a time is malformed");
  const [year = 0, month = 0, day, hour, minute, second] = found.slice(1).map(Number);
  return Date.UTC(2000 + year, month - 1, day, hour, minute, second);
}
