import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { redacted } from "../../../src/core/doctor/redact.ts";

const letters = (alphabet: string, length: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length }).map((all) => all.join(""));
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

describe("what is redacted", () => {
  test("has no keys, tokens, passwords or accounts, whatever is around them", () => {
    const around = fc.constantFrom("", "x = ", '{"a":"', " - ERROR - it said ", "\n", "key: ");
    const secrets = fc.oneof(
      letters(UPPER, 16).map((id) => ({ text: `AKIA${id}`, secret: id })),
      letters(UPPER, 16).map((id) => ({ text: `ASIA${id}`, secret: id })),
      letters(BASE64, 40).map((key) => ({ text: `aws_secret_access_key = ${key}`, secret: key })),
      letters(BASE64, 40).map((key) => ({ text: `"SecretAccessKey": "${key}"`, secret: key })),
      letters(BASE64, 80).map((token) => ({ text: `SessionToken=${token}`, secret: token })),
      letters(BASE64, 300)
        .filter((token) => /[a-z]/.test(token) && /[A-Z]/.test(token) && /\d/.test(token))
        .map((token) => ({ text: token, secret: token })),
      letters(BASE64, 60).map((body) => ({
        text: `-----BEGIN RSA PRIVATE KEY-----\n${body}\n-----END RSA PRIVATE KEY-----`,
        secret: body,
      })),
      letters(BASE64, 60).map((body) => ({ text: `-----BEGIN PRIVATE KEY-----\n${body}`, secret: body })),
      letters("123456789", 12).map((id) => ({ text: `arn:aws:iam::${id}:role/efs`, secret: id })),
      letters("123456789", 12).map((id) => ({ text: `account ${id} `, secret: id })),
      letters("abcdef0123456789", 32).map((id) => ({ text: `/v2/credentials/${id}`, secret: id })),
      letters("abcdefgh", 12).map((word) => ({ text: `http://user:${word}@proxy:3128`, secret: word })),
    );
    fc.assert(
      fc.property(around, secrets, (before, { text, secret }) => {
        const safe = redacted(`${before}${text}\nrest of the text`);
        assert.ok(!safe.includes(secret), safe);
        assert.ok(safe.endsWith("rest of the text") || text.startsWith("-----BEGIN PRIVATE"), safe);
      }),
    );
  });

  test("keeps what helps: ids of file systems, names, addresses, times, paths, ports", () => {
    const text = [
      "2026-11-24 18:29:34 UTC - INFO - Successfully mounted fs-0123456789abcdef0.efs.us-east-1.amazonaws.com at /mnt/efs",
      "127.0.0.1:/ /mnt/efs nfs4 rw,port=20285,addr=127.0.0.1",
      '{"certificateCreationTime":"261124205048Z","accessPoint":"fsap-0123456789abcdef0","pid":867}',
      "connect = fs-12345678.efs.us-east-1.amazonaws.com:2049",
      "key = /etc/amazon/efs/privateKey.pem",
      "arn:aws:iam::aws:policy/AmazonElasticFileSystemClientFullAccess",
    ].join("\n");
    assert.equal(redacted(text), text);
  });
});
