import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ConnectRequest,
  type Credentials,
  connectSignature,
  sign,
  signingKey,
} from "../../../src/core/identity/connect-signature.ts";

/** The secret of AWS's published examples. */
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const KEY_HASH = "9b2ed4cdbb4dd6a5e8e9d3d66e2bf0b6b2ba42de";

const CREDENTIALS: Credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: SECRET,
  sessionToken: undefined,
};
const REQUEST: ConnectRequest = {
  fsId: "fs-deadbeef",
  region: "us-east-1",
  publicKeyHash: KEY_HASH,
  createdAt: new Date("2020-12-01T01:02:03.456Z"),
};

test("the signing key is that of AWS's published example", () => {
  assert.equal(
    signingKey(SECRET, "20150830", "us-east-1", "iam").toString("hex"),
    "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9",
  );
});

test("the signature is that of AWS's published example", () => {
  const stringToSign = [
    "AWS4-HMAC-SHA256",
    "20150830T123600Z",
    "20150830/us-east-1/iam/aws4_request",
    "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
  ].join("\n");
  assert.equal(
    sign(signingKey(SECRET, "20150830", "us-east-1", "iam"), stringToSign),
    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
  );
});

/** The request that EFS checks, spelled out. */
const SPELLED_OUT = `GET
/
Action=Connect&PublicKeyHash=${KEY_HASH}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20201201%2Fus-east-1%2Felasticfilesystem%2Faws4_request&X-Amz-Date=20201201T010203Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host
host:fs-deadbeef
host
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`;

const hex = (text: string) => createHash("sha256").update(text).digest("hex");

/** Signs a canonical request as Signature Version 4 says, one step after the other. */
function signed(canonical: string, secret: string, time: string, region: string): string {
  const day = time.slice(0, 8);
  const mac = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest();
  const dayKey = mac(`AWS4${secret}`, day);
  const serviceKey = mac(mac(dayKey, region), "elasticfilesystem");
  const scope = `${day}/${region}/elasticfilesystem/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hex(canonical)}`;
  return mac(mac(serviceKey, "aws4_request"), text).toString("hex");
}

test("what is signed is a presigned GET whose one header is followed by its name, without a line between", () => {
  assert.equal(
    connectSignature(CREDENTIALS, REQUEST),
    signed(SPELLED_OUT, SECRET, "20201201T010203Z", "us-east-1"),
  );
});

test("signatures are those that another program computed", () => {
  assert.equal(
    connectSignature(CREDENTIALS, REQUEST),
    "446b0125f215364e64fe95a8b6a70200ca68a70c05b3875e85d3c1434a036e3f",
  );
  assert.equal(
    connectSignature({ ...CREDENTIALS, sessionToken: "FQoGZXIvYXdzEPP///==+a~*()" }, REQUEST),
    "74c2b718ce3e77e7ba86aa05b125dc2ad72404731a1f4771c9b1f93e32afd85e",
  );
});

/** Octet by octet, by RFC 3986. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((octet) => {
      const char = String.fromCharCode(octet);
      return /[A-Za-z0-9._~-]/.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

const base64Text = (sizes: { minLength: number; maxLength: number }) =>
  fc.string({ unit: fc.constantFrom(..."ABCXYZabcxyz0189+/="), ...sizes });
const printableText = fc.string({ minLength: 1, maxLength: 80 });
const credentials = fc.record({
  accessKeyId: fc.stringMatching(/^A[A-Z0-9]{15,127}$/),
  secretAccessKey: fc.oneof(base64Text({ minLength: 1, maxLength: 40 }), printableText),
  sessionToken: fc.oneof(
    fc.constant(undefined),
    base64Text({ minLength: 1, maxLength: 400 }),
    base64Text({ minLength: 4096, maxLength: 4096 }),
    printableText,
  ),
});
const request = fc.record({
  fsId: fc.stringMatching(/^fs-[0-9a-f]{8,17}$/),
  region: fc.constantFrom("us-east-1", "cn-north-1", "us-gov-west-1"),
  publicKeyHash: fc.stringMatching(/^[0-9a-f]{40}$/),
  createdAt: fc.date({
    min: new Date("2000-01-01T00:00:00Z"),
    max: new Date("2049-12-31T23:59:59Z"),
    noInvalidDate: true,
  }),
});

test("whatever keys and tokens are made of, the signature is that of the request as it is defined", () => {
  fc.assert(
    fc.property(credentials, request, (who, what) => {
      const pad = (number: number) => String(number).padStart(2, "0");
      const at = what.createdAt;
      const day = `${at.getUTCFullYear()}${pad(at.getUTCMonth() + 1)}${pad(at.getUTCDate())}`;
      const time = `${day}T${pad(at.getUTCHours())}${pad(at.getUTCMinutes())}${pad(at.getUTCSeconds())}Z`;
      const scope = `${who.accessKeyId}/${day}/${what.region}/elasticfilesystem/aws4_request`;
      const token =
        who.sessionToken === undefined ? "" : `&X-Amz-Security-Token=${percentEncoded(who.sessionToken)}`;
      const query = `Action=Connect&PublicKeyHash=${what.publicKeyHash}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${percentEncoded(scope)}&X-Amz-Date=${time}&X-Amz-Expires=86400${token}&X-Amz-SignedHeaders=host`;
      const canonical = `GET\n/\n${query}\nhost:${what.fsId}\nhost\n${hex("")}`;
      assert.equal(connectSignature(who, what), signed(canonical, who.secretAccessKey, time, what.region));
    }),
  );
});

test("a signature is 64 hexadecimal digits, and another one for whatever is changed", () => {
  const variants: [Credentials, ConnectRequest][] = [
    [CREDENTIALS, REQUEST],
    [{ ...CREDENTIALS, accessKeyId: "AKIDEXAMPLF" }, REQUEST],
    [{ ...CREDENTIALS, secretAccessKey: `${SECRET}=` }, REQUEST],
    [{ ...CREDENTIALS, sessionToken: "t" }, REQUEST],
    [CREDENTIALS, { ...REQUEST, fsId: "fs-deadbeee" }],
    [CREDENTIALS, { ...REQUEST, region: "us-east-2" }],
    [CREDENTIALS, { ...REQUEST, publicKeyHash: "0".repeat(40) }],
    [CREDENTIALS, { ...REQUEST, createdAt: new Date("2020-12-01T01:02:04Z") }],
  ];
  const signatures = variants.map(([who, what]) => connectSignature(who, what));
  for (const signature of signatures) assert.match(signature, /^[0-9a-f]{64}$/);
  assert.equal(new Set(signatures).size, variants.length);
});
