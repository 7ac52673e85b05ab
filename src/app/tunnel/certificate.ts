import { createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { promisify } from "node:util";
import {
  type ClientAuth,
  publicKeyHash,
  signedCertificate,
  toBeSigned,
} from "../../core/certificate/certificate.ts";
import {
  type ConnectRequest,
  type Credentials,
  connectSignature,
} from "../../core/identity/connect-signature.ts";

/** Whom a tunnel's certificate is for. */
export interface CertificateSubject {
  readonly hostName: string;
  readonly fsId: string;
  readonly accessPoint: string | undefined;
  /** Whose signature it carries; undefined leaves the client anonymous. */
  readonly identity: { readonly credentials: Credentials; readonly region: string } | undefined;
  /** From [client-info]; 1 to 100 characters, else "unknown" is presented. */
  readonly source: string | undefined;
  readonly version: string;
}

const LONGEST_COMMON_NAME = 64;
const LONGEST_SOURCE = 100;
const SERIAL_BYTES = 8;

/** The host's name as it stands in the certificate. */
export function commonName(hostName: string): string {
  return [...hostName].slice(0, LONGEST_COMMON_NAME).join("");
}

/** Makes and signs a certificate that is valid around `createdAt`, in PEM. */
export async function makeCertificate(
  subject: CertificateSubject,
  key: KeyObject,
  createdAt: Date,
): Promise<string> {
  const { source = "", identity, fsId } = subject;
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const clientAuth =
    identity && clientAuthOf(identity, { fsId, publicKeyHash: publicKeyHash(publicKey), createdAt });
  const signedPart = toBeSigned({
    commonName: commonName(subject.hostName),
    fsId,
    accessPoint: subject.accessPoint,
    clientInfo: {
      source: source !== "" && [...source].length <= LONGEST_SOURCE ? source : "unknown",
      version: subject.version,
    },
    clientAuth,
    publicKey,
    serial: randomBytes(SERIAL_BYTES),
    createdAt,
  });
  const signature = await promisify<string, Buffer, KeyObject, Buffer>(sign)("RSA-SHA256", signedPart, key);
  return signedCertificate(signedPart, signature);
}

function clientAuthOf(
  { credentials, region }: NonNullable<CertificateSubject["identity"]>,
  request: Omit<ConnectRequest, "region">,
): ClientAuth {
  const { accessKeyId, sessionToken } = credentials;
  return { accessKeyId, sessionToken, signature: connectSignature(credentials, { ...request, region }) };
}
