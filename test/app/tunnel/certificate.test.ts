import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import { type CertificateSubject, commonName, makeCertificate } from "../../../src/app/tunnel/certificate.ts";
import { signedCertificate, toBeSigned } from "../../../src/core/certificate/certificate.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { extensions, show } from "../../core/certificate/der.ts";
import { Authority, temporaryDirectory } from "../../support/authority.ts";
import { ownTunnel } from "../../support/own-tunnel.ts";

/** As new keys are, only made by another program. */
const KEY_PEM = execFileSync("openssl", ["genrsa", "2048"], {
  encoding: "utf8",
  stdio: ["ignore", "pipe", "ignore"],
});
const KEY = createPrivateKey(KEY_PEM);

const SUBJECT: CertificateSubject = {
  hostName: "host.example",
  fsId: "fs-1",
  accessPoint: undefined,
  identity: undefined,
  source: undefined,
  version: "1.2.3",
};

async function clientInfo(source: string | undefined): Promise<string> {
  const pem = await makeCertificate({ ...SUBJECT, source }, KEY, new Date());
  const [, value] = extensions(new X509Certificate(pem).raw).at(-1) ?? [];
  return value === undefined ? "" : show(value);
}

const SOURCES: [what: string, source: string | undefined, said: string][] = [
  ["no source", undefined, "unknown"],
  ["an empty source", "", "unknown"],
  ["a short source", "k8s", "k8s"],
  ["a source of 100 characters", "x".repeat(100), "x".repeat(100)],
  ["a source of 101 characters", "x".repeat(101), "unknown"],
  ["a source of 100 characters that take two units each", "😀".repeat(100), "😀".repeat(100)],
  ["a source in other letters", "плат форма", "плат форма"],
];
for (const [what, source, said] of SOURCES) {
  test(`${what} is presented as ${said.slice(0, 10)}`, async () => {
    assert.equal(await clientInfo(source), `{UTF8 ${said}, UTF8 1.2.3}`);
  });
}

test("a host's name is cut to 64 characters, not within one", () => {
  assert.equal(commonName("a".repeat(64)), "a".repeat(64));
  assert.equal(commonName(`${"a".repeat(64)}.example`), "a".repeat(64));
  assert.equal(commonName("é".repeat(70)), "é".repeat(64));
  assert.equal(commonName(`${"a".repeat(63)}😀😀`), `${"a".repeat(63)}😀`);
  assert.equal(commonName(""), "");
});

test("no two certificates have one serial number", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => makeCertificate(SUBJECT, KEY, new Date())));
  assert.equal(new Set(made.map((pem) => new X509Certificate(pem).serialNumber)).size, made.length);
});

const HOST = "fs-1.efs.us-east-1.amazonaws.com";

/** The longest certificate that there may be: temporary IAM credentials, an access point, a long name. */
async function longestCertificate(): Promise<string> {
  const signedPart = toBeSigned({
    commonName: "ä".repeat(64),
    fsId: "fs-0123456789abcdef0",
    accessPoint: "fsap-0123456789abcdef0",
    clientAuth: { accessKeyId: "ASIA", signature: "0".repeat(64), sessionToken: "t".repeat(4096) },
    clientInfo: { source: "ж".repeat(100), version: "1.2.3" },
    publicKey: createPublicKey(KEY).export({ type: "spki", format: "der" }),
    serial: Buffer.from([1]),
    createdAt: new Date(),
  });
  return signedCertificate(signedPart, sign("RSA-SHA256", signedPart, KEY));
}

const PRESENTED: [what: string, make: () => Promise<string>][] = [
  ["a plain certificate", () => makeCertificate(SUBJECT, KEY, new Date())],
  ["a certificate with everything in it", longestCertificate],
];
for (const [what, make] of PRESENTED) {
  test(`stunnel takes ${what} and its key, and presents it to the server`, async (t) => {
    const authority = new Authority(temporaryDirectory(t, "authority"), "authority");
    const options = { ...authority.server({ host: HOST }), requestCert: true, rejectUnauthorized: false };
    const server = createServer({ ...options, maxVersion: "TLSv1.2" });
    const connected = once(server, "secureConnection") as Promise<[TLSSocket]>;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const pem = await make();
    const tunnel = await ownTunnel(t, {
      server: (server.address() as { port: number }).port,
      settings: {
        target: { fsId: "fs-1", region: "us-east-1", dnsName: HOST, certificateName: HOST } as ResolvedTarget,
        caFile: authority.certificate,
      },
      identity: { key: KEY_PEM, pem },
    });
    tunnel.connect();
    const [socket] = await connected;
    t.after(() => socket.destroy());
    assert.deepEqual(socket.getPeerX509Certificate()?.raw, new X509Certificate(pem).raw);
    assert.equal(socket.getProtocol(), "TLSv1.2");
  });
}
