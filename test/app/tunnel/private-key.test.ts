import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, type KeyObject } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { existingKey, privateKey } from "../../../src/app/tunnel/private-key.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { buildChild, Child, startChild } from "../../support/children.ts";

const program = buildChild({ after });
const PROCESSES = 20;
const NOT_ROOT = process.getuid?.() !== 0 && "only root can be somebody else";
const NOBODY = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];

const publicPart = (key: KeyObject) =>
  createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64");

function openssl(...args: string[]): string {
  return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

test("many processes that need a key at once make one, and all have it", async (t) => {
  const directory = join(temporaryDirectory(t, "key"), "amazon", "efs");
  const path = join(directory, "privateKey.pem");
  const children = Array.from({ length: PROCESSES }, () => startChild(t, program, "key", path));
  const keys = await Promise.all(children.map((each) => each.line()));
  assert.equal(new Set(keys).size, 1);
  assert.equal(keys[0], publicPart(await privateKey(path)));
  assert.deepEqual(readdirSync(directory), ["privateKey.pem"]);
  assert.equal(statSync(path).mode & 0o7777, 0o400);
  assert.match(openssl("pkey", "-in", path, "-noout", "-text"), /Private-Key: \(3072 bit, 2 primes\)/);
});

test("nobody else can keep a key from being made, who locks what he can open", {
  skip: NOT_ROOT,
}, async (t) => {
  const directory = join(temporaryDirectory(t, "key"), "efs");
  mkdirSync(directory, { mode: 0o755 });
  chmodSync(dirname(directory), 0o755);
  const other = new Child(t, "setpriv", [...NOBODY, "flock", directory, "sh", "-c", "echo locked; read x"]);
  assert.equal(await other.line(), "locked");
  const child = startChild(t, program, "key", join(directory, "privateKey.pem"));
  assert.match(await child.line(), /^MII/);
});

test("many processes that find an empty key file make one key", async (t) => {
  const path = join(temporaryDirectory(t, "key"), "privateKey.pem");
  writeFileSync(path, "");
  const children = Array.from({ length: PROCESSES }, () => startChild(t, program, "key", path));
  const keys = await Promise.all(children.map((each) => each.line()));
  assert.deepEqual([...new Set(keys)], [publicPart(await privateKey(path))]);
});

test("a key that is there is taken as it is, whoever made it", async (t) => {
  const path = join(temporaryDirectory(t, "key"), "privateKey.pem");
  for (const format of [[], ["-traditional"]]) {
    const pem = openssl("genrsa", ...format, "2048");
    writeFileSync(path, pem);
    const key = await privateKey(path);
    assert.equal(key.asymmetricKeyType, "rsa");
    assert.equal(readFileSync(path, "utf8"), pem);
  }
});

test("an empty key file is made anew", async (t) => {
  const path = join(temporaryDirectory(t, "key"), "privateKey.pem");
  writeFileSync(path, "\n");
  chmodSync(path, 0o644);
  assert.equal(existingKey(path), undefined);
  const key = await privateKey(path);
  assert.equal(publicPart(existingKey(path) ?? key), publicPart(key));
  assert.equal(statSync(path).mode & 0o7777, 0o400);
});

const BROKEN: [what: string, text: () => string][] = [
  ["garbage", () => "garbage"],
  ["half a key", () => openssl("genrsa", "2048").slice(0, 500)],
  ["a certificate request", () => "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"],
  ["a key with a password", () => openssl("genrsa", "-aes128", "-passout", "pass:x", "2048")],
  ["a key of another kind", () => openssl("genpkey", "-algorithm", "ed25519")],
  ["a key on a curve", () => openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")],
];
for (const [what, text] of BROKEN) {
  test(`a key file with ${what} is an error that names it and the remedy, and stays`, async (t) => {
    const path = join(temporaryDirectory(t, "key"), "privateKey.pem");
    const before = text();
    writeFileSync(path, before);
    await assert.rejects(privateKey(path), {
      name: "EfsError",
      kind: "system",
      message: new RegExp(path),
      hint: /remove the file/,
    });
    assert.equal(readFileSync(path, "utf8"), before);
  });
}

test("where no key can be written, the error names the place", async (t) => {
  const directory = temporaryDirectory(t, "key");
  writeFileSync(join(directory, "file"), "");
  await assert.rejects(privateKey(join(directory, "file", "x", "key.pem")), {
    name: "EfsError",
    kind: "system",
  });
  mkdirSync(join(directory, "key.pem"));
  await assert.rejects(privateKey(join(directory, "key.pem")), { name: "EfsError", message: /key\.pem/ });
  assert.deepEqual(readdirSync(directory), ["file", "key.pem"]);
});
