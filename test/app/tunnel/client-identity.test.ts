import assert from "node:assert/strict";
import { generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type CertificateSubject, makeCertificate } from "../../../src/app/tunnel/certificate.ts";
import { signedCertificate } from "../../../src/core/certificate/certificate.ts";
import { readDer } from "../../core/certificate/der.ts";
import { sessionKeys, userKeys } from "../../fakes/keys.ts";
import { identify, type Known, type KnownKeys, Refused } from "../../guest/endpoint/client-identity.ts";

const { privateKey: KEY } = generateKeyPairSync("rsa", { modulusLength: 3072 });
const NOW = new Date("2026-11-24T12:34:56Z");
const MINUTE_MS = 60_000;
const USER = userKeys("user");
const ROLE = sessionKeys("role");
const KNOWN: Known = { fsId: "fs-0123456789abcdef0", region: "us-east-1", keys: [USER, ROLE] };
const PLAIN: CertificateSubject = {
  hostName: "host.example",
  fsId: KNOWN.fsId,
  accessPoint: undefined,
  identity: undefined,
  source: "k8s",
  version: "1.2.3",
};

const by = (credentials: KnownKeys, region = "us-east-1"): Partial<CertificateSubject> => ({
  identity: { credentials, region },
});

async function made(
  change: Partial<CertificateSubject> = {},
  createdAt = NOW,
  key = KEY,
): Promise<X509Certificate> {
  return new X509Certificate(await makeCertificate({ ...PLAIN, ...change }, key, createdAt));
}

test("EFS's own reading of a certificate finds what it was made for", async () => {
  const accessPoint = "fsap-0123456789abcdef0";
  const plain = await made();
  assert.deepEqual(identify(plain, KNOWN, NOW), {
    serial: plain.serialNumber,
    hostName: "host.example",
    createdAt: NOW,
    accessPoint: undefined,
    accessKeyId: undefined,
    source: "k8s",
    version: "1.2.3",
  });
  assert.equal(identify(await made({ accessPoint }), KNOWN, NOW).accessPoint, accessPoint);
  for (const keys of [USER, ROLE])
    assert.equal(identify(await made(by(keys)), KNOWN, NOW).accessKeyId, keys.accessKeyId);
  const long = { ...ROLE, sessionToken: "IQoJb3JpZ2luX2VjE/+=".repeat(205) };
  const certificate = await made({ ...by(long), accessPoint });
  assert.equal(identify(certificate, { ...KNOWN, keys: [long] }, NOW).accessKeyId, ROLE.accessKeyId);
});

test("it is good from a quarter of an hour before its making until three hours after it", async () => {
  const certificate = await made();
  for (const minutes of [-15, 0, 180])
    identify(certificate, KNOWN, new Date(NOW.getTime() + minutes * MINUTE_MS));
});

const later = (minutes: number) => new Date(NOW.getTime() + minutes * MINUTE_MS);
const REFUSED: [
  what: string,
  make: () => Promise<X509Certificate>,
  says: RegExp,
  at?: Date,
  known?: Partial<Known>,
][] = [
  ["one that has expired", () => made(), /expired/, later(181)],
  ["one of the future", () => made(), /not valid yet/, later(-16)],
  ["a signature of the future", () => made(by(USER)), /signature is of the future/, later(-6)],
  ["one for another file system", () => made(), /another file system/, NOW, { fsId: "fs-1" }],
  ["keys that nobody has", () => made(by(userKeys("gone"))), /nobody has the key AKIAGONE/],
  [
    "a secret that is another's",
    () => made(by({ ...USER, secretAccessKey: ROLE.secretAccessKey })),
    /signature is not that of AKIAUSER/,
  ],
  ["a session without its token", () => made(by({ ...ROLE, sessionToken: undefined })), /session token/],
  ["another session's token", () => made(by({ ...ROLE, sessionToken: "x" })), /session token/],
  ["a user with a token", () => made(by({ ...USER, sessionToken: "x" })), /session token/],
  ["a signature for another region", () => made(by(USER, "eu-west-1")), /signature is not that of AKIAUSER/],
  [
    "a key that is too short",
    () => made({}, NOW, generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
    /no RSA key of 3072 bits/,
  ],
  ["one that somebody else has signed", () => forged((body) => body, other), /its own key did not sign it/],
  [
    "one that was changed",
    () => forged((body) => swapped(body, "host.example", "root.example"), KEY, false),
    /did not sign/,
  ],
  [
    "a signature that was taken from another certificate",
    () => forged((body) => swapped(body, KNOWN.fsId, "fs-ffffffffffffffff0"), KEY, true, by(USER)),
    /signature is not that of AKIAUSER/,
    NOW,
    { fsId: "fs-ffffffffffffffff0" },
  ],
  [
    "an extension that means nothing",
    () => forged((body) => swapped(body, "2b06010401a56b0704", "2b06010401a56b0705", "hex")),
    /extension is unknown/,
  ],
  [
    "an extension that is there twice",
    () => forged((body) => swapped(body, "2b06010401a56b0704", "2b06010401a56b0703", "hex")),
    /extension is there twice/,
  ],
];

const other = generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey;

/** A certificate whose signed part was changed, and signed again or not. */
async function forged(
  change: (body: Buffer) => Buffer,
  signer = KEY,
  isSignedAgain = true,
  subject: Partial<CertificateSubject> = {},
): Promise<X509Certificate> {
  const { raw } = await made(subject);
  const [whole] = readDer(raw);
  const [, , signature] = readDer(whole?.content ?? raw);
  const start = raw.length - (whole?.content.length ?? 0);
  const length = raw.readUInt16BE(start + 2) + 4;
  const body = change(Buffer.from(raw.subarray(start, start + length)));
  const old = Buffer.from(signature?.content.subarray(1) ?? []);
  return new X509Certificate(signedCertificate(body, isSignedAgain ? sign("RSA-SHA256", body, signer) : old));
}

/** The same with every `from` replaced by a `to` of the same length. */
function swapped(body: Buffer, from: string, to: string, encoding: "latin1" | "hex" = "latin1"): Buffer {
  const text = body.toString(encoding);
  assert.ok(text.includes(from) && from.length === to.length);
  return Buffer.from(text.replaceAll(from, to), encoding);
}

for (const [what, make, says, at = NOW, known = {}] of REFUSED) {
  test(`refused: ${what}`, async () => {
    const certificate = await make();
    assert.throws(
      () => identify(certificate, { ...KNOWN, ...known }, at),
      (error) => error instanceof Refused && says.test(error.message),
    );
  });
}
