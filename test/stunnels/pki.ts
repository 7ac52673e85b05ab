/** An authority as openssl-ca(1) has it, another one that nobody trusts, and all certificates of the servers. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ResponderName, responderUrl } from "./responders.ts";

export const DOMAIN = "efs.us-east-1.amazonaws.com";

const KEYS = {
  rsa: ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  other: ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  rsa1024: ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  ec: ["EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
} as const;

interface Wanted {
  readonly key?: keyof typeof KEYS;
  /** What it is for; all file systems of the region unless told. */
  readonly host?: string;
  readonly hasNames?: false;
  readonly responder?: ResponderName;
  readonly by?: "authority" | "stranger" | "itself";
  readonly from?: string;
  readonly until?: string;
  readonly digest?: "sha1";
  readonly isRevoked?: true;
}

/** Each differs from a good one in what it is called after. */
const CERTIFICATES = {
  good: { responder: "good", host: `fs-00000001.${DOMAIN}` },
  "wildcard-EC": { responder: "good", key: "ec" },
  "no-AIA": {},
  "wrong-host": { host: "somewhere.else.example" },
  "wrong-CA": { by: "stranger" },
  "self-signed": { by: "itself" },
  expired: { from: "20200101000000Z", until: "20210101000000Z" },
  "not-yet-valid": { from: "20450101000000Z", until: "20460101000000Z" },
  rsa1024: { key: "rsa1024" },
  "sha1-signed": { digest: "sha1" },
  "CN-only": { hasNames: false, host: `fs-00000002.${DOMAIN}` },
  revoked: { responder: "good", isRevoked: true },
  "responder-down": { responder: "down" },
  "responder-hangs": { responder: "hangs" },
  "responder-500": { responder: "500" },
  "responder-untrusted-signer": { responder: "untrusted-signer" },
  "responder-unknown": { responder: "unknown" },
  "responder-stale": { responder: "stale" },
  "responder-unresolvable": { responder: "unresolvable" },
  "responder-closes": { responder: "closes" },
  "responder-tryLater": { responder: "tryLater" },
  "responder-root-url": { responder: "root-url" },
  "responder-https": { responder: "https" },
  /** A thief's own. */
  "other-key": { key: "other", by: "itself" },
} satisfies Record<string, Wanted>;

export type CertificateName = keyof typeof CERTIFICATES;

/** PEM, as node's servers take them. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

const CONFIG = `[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
certificate = authority.pem
private_key = authority.key
policy = policy
default_md = sha256
unique_subject = no
[policy]
commonName = supplied
`;
const YEAR = new Date().getUTCFullYear();

export class Pki {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder);
    for (const [name, text] of [
      ["ca.conf", CONFIG],
      ["index.txt", ""],
      ["none.txt", ""],
      ["serial", "1000\n"],
    ] as const)
      writeFileSync(this.file(name), text);
    for (const [name, kind] of Object.entries(KEYS))
      this.#openssl("genpkey", "-algorithm", ...kind, "-out", `${name}.key`);
    for (const name of ["authority", "stranger"]) {
      const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.pem`];
      this.#openssl("req", "-x509", ...key, "-subj", `/CN=${name}`, "-days", "3650");
    }
    for (const name of Object.keys(CERTIFICATES)) this.#issue(name as CertificateName);
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  server(name: CertificateName): KeyAndCertificate {
    const { key = "rsa" }: Wanted = CERTIFICATES[name];
    return {
      key: readFileSync(this.file(`${key}.key`), "utf8"),
      cert: readFileSync(this.file(`${name}.pem`), "utf8"),
    };
  }

  #issue(name: CertificateName): void {
    const wanted: Wanted = CERTIFICATES[name];
    const { key = "rsa", host = `*.${DOMAIN}`, by = "authority" } = wanted;
    const extensions = [
      ...(wanted.hasNames === false ? [] : [`subjectAltName=DNS:${host}`]),
      ...(wanted.responder === undefined
        ? []
        : [`authorityInfoAccess=OCSP;URI:${responderUrl(wanted.responder)}`]),
      "basicConstraints=CA:FALSE",
    ];
    const request = ["-new", "-key", `${key}.key`, "-subj", `/CN=${host}`];
    const out = ["-out", `${name}.pem`];
    if (by === "itself") {
      const added = extensions.flatMap((line) => ["-addext", line]);
      this.#openssl("req", "-x509", ...request, ...added, "-days", "30", ...out);
      return;
    }
    writeFileSync(this.file("extensions"), extensions.join("\n"));
    this.#openssl("req", ...request, "-out", "request");
    const { from = `${YEAR - 1}0101000000Z`, until = `${YEAR + 1}1231000000Z`, digest = "sha256" } = wanted;
    const signer = ["-config", "ca.conf", "-batch", "-notext", "-md", digest, "-extfile", "extensions"];
    const issuer = ["-cert", `${by}.pem`, "-keyfile", `${by}.key`];
    this.#openssl(
      "ca",
      ...signer,
      ...issuer,
      "-startdate",
      from,
      "-enddate",
      until,
      "-in",
      "request",
      ...out,
    );
    if (wanted.isRevoked)
      this.#openssl("ca", "-config", "ca.conf", "-revoke", `${name}.pem`, "-crl_reason", "keyCompromise");
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
  }
}
