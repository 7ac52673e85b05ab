/** The certificates of the endpoint: a CA, the server's certificate, and wrong ones. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../runner/command.ts";

export const SERVER_NAMES = "*.efs.us-east-1.amazonaws.com";
/** `signerPort`: where the program is that signs the answers, behind the one that takes the questions. */
export const RESPONDER = { address: "127.0.3.1", port: 8080, signerPort: 8081 };

export type CertificateKind = "good" | "wrong-host" | "other-ca";

export interface KeyPair {
  certificate: string;
  key: string;
}

const SERIALS: Record<CertificateKind, string> = { good: "1001", "wrong-host": "1002", "other-ca": "1003" };

export class Pki {
  readonly directory: string;
  /** The CA that a client has to trust. */
  readonly authority: string;
  constructor(directory: string) {
    this.directory = directory;
    this.authority = join(directory, "ca.pem");
  }

  async create(): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    await Promise.all([this.#createAuthority("ca", "Test CA"), this.#createAuthority("other", "Other CA")]);
    await Promise.all([
      this.#createServer("good", "ca", SERVER_NAMES),
      this.#createServer("wrong-host", "ca", "*.efs.eu-west-1.amazonaws.com"),
      this.#createServer("other-ca", "other", SERVER_NAMES),
    ]);
    for (const state of ["good", "revoked"] as const)
      writeFileSync(this.index(state), ocspIndex(state === "revoked"));
  }

  server(kind: CertificateKind): KeyPair {
    return { certificate: join(this.directory, `${kind}.pem`), key: join(this.directory, `${kind}.key`) };
  }

  /** `openssl ocsp`'s list of certificates, all good or all revoked. */
  index(state: "good" | "revoked"): string {
    return join(this.directory, `index-${state}.txt`);
  }

  async #createAuthority(name: string, commonName: string): Promise<void> {
    const files = [
      "-keyout",
      join(this.directory, `${name}.key`),
      "-out",
      join(this.directory, `${name}.pem`),
    ];
    const extensions = ["-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"];
    const subject = ["-subj", `/CN=${commonName}`, "-days", "2"];
    await must("openssl", ["req", "-x509", ...EC_KEY, ...subject, ...extensions, ...files]);
  }

  async #createServer(kind: CertificateKind, authority: string, names: string): Promise<void> {
    const { certificate, key } = this.server(kind);
    const [request, extensions] = [`${certificate}.csr`, `${certificate}.ext`];
    const responder = `http://${RESPONDER.address}:${RESPONDER.port}`;
    writeFileSync(extensions, `subjectAltName=DNS:${names}\nauthorityInfoAccess=OCSP;URI:${responder}\n`);
    await must("openssl", [
      "req",
      "-new",
      ...EC_KEY,
      "-subj",
      `/CN=${names}`,
      "-keyout",
      key,
      "-out",
      request,
    ]);
    const ca = [
      "-CA",
      join(this.directory, `${authority}.pem`),
      "-CAkey",
      join(this.directory, `${authority}.key`),
    ];
    const fields = ["-set_serial", `0x${SERIALS[kind]}`, "-days", "2", "-extfile", extensions];
    await must("openssl", ["x509", "-req", "-in", request, ...ca, ...fields, "-out", certificate]);
  }
}

const EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function ocspIndex(revoked: boolean): string {
  const [expires, since] = ["491231235959Z", "240101000000Z"];
  const status = revoked ? `R\t${expires}\t${since}` : `V\t${expires}\t`;
  return Object.values(SERIALS)
    .map((serial) => `${status}\t${serial}\tunknown\t/CN=${serial}\n`)
    .join("");
}
