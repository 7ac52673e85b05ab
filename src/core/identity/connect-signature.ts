import { createHash, createHmac } from "node:crypto";

/** Keys to sign with. They are kept in memory only. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** What a signature covers. */
export interface ConnectRequest {
  readonly fsId: string;
  readonly region: string;
  /** Of the key in the certificate, in lower-case hexadecimal. */
  readonly publicKeyHash: string;
  /** The certificate's creation time. */
  readonly createdAt: Date;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "elasticfilesystem";
const VALID_SECONDS = "86400";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/** RFC 3986, as AWS wants it: everything but letters, digits and -._~ as %XX. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The key that signs for a day, a region and a service (AWS Signature Version 4). */
export function signingKey(secret: string, day: string, region: string, service: string): Buffer {
  return [day, region, service, "aws4_request"].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`));
}

/** The signature of a string to sign, in hexadecimal. */
export function sign(key: Buffer, stringToSign: string): string {
  return hmac(key, stringToSign).toString("hex");
}

/**
 * The signature that a client certificate carries: of a presigned `GET /?Action=Connect` with the file
 * system's id as its host. EFS's canonical request has no empty line behind its one header, which general
 * signers put there; hence this one.
 */
export function connectSignature(credentials: Credentials, request: ConnectRequest): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const time = `${request.createdAt.toISOString().replaceAll(/[-:]/g, "").slice(0, 15)}Z`;
  const day = time.slice(0, 8);
  const scope = [day, request.region, SERVICE, "aws4_request"].join("/");
  const query: Record<string, string> = {
    Action: "Connect",
    PublicKeyHash: request.publicKeyHash,
    "X-Amz-Algorithm": ALGORITHM,
    "X-Amz-Credential": `${accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": VALID_SECONDS,
    ...(sessionToken === undefined ? {} : { "X-Amz-Security-Token": sessionToken }),
    "X-Amz-SignedHeaders": "host",
  };
  const queryText = Object.entries(query)
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join("&");
  const canonical = ["GET", "/", queryText, `host:${request.fsId}`, "host", sha256("")].join("\n");
  const stringToSign = [ALGORITHM, time, scope, sha256(canonical)].join("\n");
  return sign(signingKey(secretAccessKey, day, request.region, SERVICE), stringToSign);
}
