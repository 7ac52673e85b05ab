import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import {
  type ClientCertificate,
  publicKeyHash,
  signedCertificate,
  toBeSigned,
  utcTimeText,
} from "../../../src/core/certificate/certificate.ts";
import { extensions, readDer, show } from "./der.ts";

const directory = mkdtempSync(join(tmpdir(), "efs-certificates-"));
after(() => rmSync(directory, { recursive: true }));

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PUBLIC_KEY = createPublicKey(privateKey).export({ type: "spki", format: "der" });
const NOW = new Date();
const SIGNATURE = "0123456789abcdef".repeat(4);

/** 1.3.6.1.4.1.4843.7, as DER has it. */
const ARC = "2b06010401a56b07";
const KEY_IDENTIFIER = "551d0e";

const PLAIN: ClientCertificate = {
  commonName: "host.example",
  fsId: "fs-0123456789abcdef0",
  accessPoint: undefined,
  clientInfo: { source: "unknown", version: "1.2.3" },
  clientAuth: undefined,
  publicKey: PUBLIC_KEY,
  serial: Buffer.from("1122334455667788", "hex"),
  createdAt: NOW,
};

function make(change: Partial<ClientCertificate> = {}): string {
  const signedPart = toBeSigned({ ...PLAIN, ...change });
  return signedCertificate(signedPart, sign("RSA-SHA256", signedPart, privateKey));
}

/** What openssl(1) prints of a certificate that it gets as its input. */
function openssl(pem: string, ...args: string[]): string {
  return execFileSync("openssl", args, { input: pem, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
}

/** The values of EFS's own extensions, by their last number. */
function values(pem: string): Record<string, string> {
  return Object.fromEntries(
    extensions(new X509Certificate(pem).raw)
      .filter(([oid]) => oid !== KEY_IDENTIFIER)
      .map(([oid, value]) => {
        assert.equal(oid.slice(0, -2), ARC);
        return [String(Number.parseInt(oid.slice(-2), 16)), show(value)];
      }),
  );
}

/** A time as openssl shows it. */
const shown = (ms: number) =>
  new Date(ms).toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, (_, day, month, year, time) => {
    return `${month} ${String(Number(day)).padStart(2, " ")} ${time} ${year} GMT`;
  });

test("openssl reads the certificate as what was asked for", () => {
  const text = openssl(make(), "x509", "-noout", "-text");
  assert.match(text, /Version: 3 \(0x2\)/);
  assert.match(text, /Serial Number: \d+ \(0x1122334455667788\)/);
  assert.equal(text.match(/Signature Algorithm: sha256WithRSAEncryption/g)?.length, 2);
  assert.match(text, /Issuer: CN = host\.example\n/);
  assert.match(text, /Subject: CN = host\.example\n/);
  const second = Math.floor(NOW.getTime() / 1000) * 1000;
  assert.ok(text.includes(`Not Before: ${shown(second - 15 * 60_000)}\n`), text);
  assert.ok(text.includes(`Not After : ${shown(second + 3 * 3_600_000)}\n`), text);
  assert.match(text, /Public-Key: \(2048 bit\)/);
  assert.match(text, /X509v3 Subject Key Identifier: \n/);
  assert.doesNotMatch(text, /critical/);
});

test("openssl trusts it as its own authority, for a TLS client", () => {
  const file = join(directory, "trusted.pem");
  writeFileSync(file, make());
  assert.match(openssl("", "verify", "-purpose", "sslclient", "-CAfile", file, file), /: OK\n$/);
});

test("the key's hash is the one that openssl makes, and the key identifier holds it", () => {
  const pem = make();
  const hash = /Public key OCSP hash: ([0-9A-F]{40})/.exec(openssl(pem, "x509", "-noout", "-ocspid"))?.[1];
  assert.equal(publicKeyHash(PUBLIC_KEY), hash?.toLowerCase());
  const [oid, value] = extensions(new X509Certificate(pem).raw)[0] ?? [];
  assert.equal(oid, KEY_IDENTIFIER);
  assert.equal(value?.content.toString("hex"), hash?.toLowerCase());
});

test("the signature is the key's, and the certificate is the key's", () => {
  const certificate = new X509Certificate(make());
  assert.equal(certificate.verify(createPublicKey(privateKey)), true);
  assert.equal(certificate.checkPrivateKey(privateKey), true);
  assert.equal(certificate.checkIssued(certificate), true);
  const other = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  assert.equal(certificate.verify(other), false);
});

const ACCESS_POINT = "fsap-0123456789abcdef0";
const TOKEN = "IQoJb3JpZ2luX2VjE/+=".repeat(205);
const TIME = utcTimeText(NOW);
const FIXED = { 3: "UTF8 fs-0123456789abcdef0", 4: "{UTF8 unknown, UTF8 1.2.3}" };

const IDENTITIES: [what: string, change: Partial<ClientCertificate>, values: Record<string, string>][] = [
  ["file system and client alone", {}, FIXED],
  ["an access point", { accessPoint: ACCESS_POINT }, { ...FIXED, 1: `UTF8 ${ACCESS_POINT}` }],
  [
    "an IAM identity",
    { clientAuth: { accessKeyId: "AKIAEXAMPLE", signature: SIGNATURE, sessionToken: undefined } },
    { ...FIXED, 2: `{UTF8 AKIAEXAMPLE, OCTETS ${SIGNATURE}, TIME ${TIME}}` },
  ],
  [
    "a temporary IAM identity with a token of 4 KiB, and an access point",
    {
      accessPoint: ACCESS_POINT,
      clientAuth: { accessKeyId: "ASIA", signature: SIGNATURE, sessionToken: TOKEN },
    },
    {
      ...FIXED,
      1: `UTF8 ${ACCESS_POINT}`,
      2: `{UTF8 ASIA, OCTETS ${SIGNATURE}, TIME ${TIME}, [0] UTF8 ${TOKEN}}`,
    },
  ],
  [
    "odd words about the client",
    { clientInfo: { source: 'ünï\n"\\,\u2028 😀', version: "" } },
    { ...FIXED, 4: '{UTF8 ünï\n"\\,\u2028 😀, UTF8 }' },
  ],
];
for (const [what, change, expected] of IDENTITIES) {
  test(`the certificate says ${what}, and nothing more`, () => {
    const pem = make(change);
    assert.deepEqual(values(pem), expected);
    const text = openssl(pem, "x509", "-noout", "-text");
    for (const number of Object.keys(expected))
      assert.match(text, new RegExp(`1\\.3\\.6\\.1\\.4\\.1\\.4843\\.7\\.${number}:`));
    assert.match(openssl(pem, "asn1parse"), /UTF8STRING +:host\.example/);
    assert.equal(new X509Certificate(pem).verify(createPublicKey(privateKey)), true);
  });
}

const NAMES = [
  "a",
  "a".repeat(64),
  "größe.example",
  "主机.example",
  "😀",
  "a/b,c=d+e",
  'quo"te\\',
  " blank ",
];
for (const name of NAMES) {
  test(`the host name ${name.slice(0, 20)} is subject and issuer as it is`, () => {
    const pem = make({ commonName: name });
    const dump = openssl(pem, "asn1parse", "-dump");
    assert.equal(dump.match(/OBJECT +:commonName/g)?.length, 2);
    const certificate = readDer(new X509Certificate(pem).raw)[0]?.content ?? Buffer.alloc(0);
    const fields = readDer(readDer(certificate)[0]?.content ?? Buffer.alloc(0));
    for (const at of [3, 5]) {
      const field = fields[at]?.content ?? Buffer.alloc(0);
      assert.ok(field.includes(Buffer.from(name)), `field ${at}`);
      assert.ok(field.length === Buffer.byteLength(name) + 11, "there is nothing else in it");
    }
  });
}

const SERIALS: [bytes: string, serial: string][] = [
  ["0000000000000000", "0+"],
  ["0000000000000001", "01"],
  ["00000000000000ff", "FF"],
  ["7fffffffffffffff", "7FFFFFFFFFFFFFFF"],
  ["ffffffffffffffff", "FFFFFFFFFFFFFFFF"],
  ["8000000000000000", "8000000000000000"],
];
for (const [bytes, serial] of SERIALS) {
  test(`the serial number ${bytes} is positive and as short as can be`, () => {
    const pem = make({ serial: Buffer.from(bytes, "hex") });
    assert.match(new X509Certificate(pem).serialNumber, new RegExp(`^${serial}$`));
    assert.match(openssl(pem, "x509", "-noout", "-serial"), new RegExp(`serial=${serial}\n`));
  });
}

const TIMES: [time: string, text: string][] = [
  ["2026-01-02T03:04:05.999Z", "260102030405Z"],
  ["1999-12-31T23:59:59Z", "991231235959Z"],
  ["2000-01-01T00:00:00Z", "000101000000Z"],
  ["2049-06-01T00:00:00Z", "490601000000Z"],
];
for (const [time, text] of TIMES) {
  test(`${time} is ${text}, and valid from a quarter of an hour before to three hours after it`, () => {
    const createdAt = new Date(time);
    assert.equal(utcTimeText(createdAt), text);
    const { validFrom, validTo } = new X509Certificate(make({ createdAt }));
    const second = Math.floor(createdAt.getTime() / 1000) * 1000;
    assert.equal(Date.parse(validFrom), second - 15 * 60_000);
    assert.equal(Date.parse(validTo), second + 3 * 3_600_000);
  });
}

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const anyText = fc.string({ unit: "grapheme", maxLength: 150 });

test("whatever is to be said, the certificate says exactly that, and openssl reads it", (t) => {
  const all: string[] = [];
  let spent = 0;
  const wanted = fc.record({
    fsId: hex(17).map((digits) => `fs-${digits}`),
    accessPoint: fc.option(
      hex(17).map((digits) => `fsap-${digits}`),
      { nil: undefined },
    ),
    commonName: fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
    source: anyText,
    version: anyText,
    accessKeyId: fc.option(anyText, { nil: undefined }),
    signature: hex(64),
    token: fc.option(fc.string({ maxLength: 5000, size: "max" }), { nil: undefined }),
    serial: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  });
  fc.assert(
    fc.property(
      wanted,
      ({ fsId, accessPoint, commonName, source, version, accessKeyId, signature, token, serial }) => {
        const clientAuth =
          accessKeyId === undefined ? undefined : { accessKeyId, signature, sessionToken: token };
        const start = performance.now();
        const pem = make({
          fsId,
          accessPoint,
          commonName,
          clientInfo: { source, version },
          clientAuth,
          serial: Buffer.from(serial),
        });
        spent += performance.now() - start;
        all.push(pem);
        const ending = token === undefined ? "" : `, [0] UTF8 ${token}`;
        assert.deepEqual(values(pem), {
          ...(accessPoint === undefined ? {} : { 1: `UTF8 ${accessPoint}` }),
          ...(accessKeyId === undefined
            ? {}
            : { 2: `{UTF8 ${accessKeyId}, OCTETS ${signature}, TIME ${TIME}${ending}}` }),
          3: `UTF8 ${fsId}`,
          4: `{UTF8 ${source}, UTF8 ${version}}`,
        });
        assert.equal(new X509Certificate(pem).verify(createPublicKey(privateKey)), true);
      },
    ),
  );
  const file = join(directory, "all.pem");
  writeFileSync(file, all.join(""));
  const read = openssl("", "storeutl", "-certs", "-noout", file);
  assert.match(read, new RegExp(`Total found: ${all.length}\n`));
  t.diagnostic(`${(spent / all.length).toFixed(2)} ms a certificate, without its key`);
});
