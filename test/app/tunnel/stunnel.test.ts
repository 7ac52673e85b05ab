import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findStunnel, stunnelPath } from "../../../src/app/tunnel/stunnel.ts";
import { help } from "../../core/tunnel/builds.ts";
import { temporaryDirectory } from "../../support/authority.ts";

/** Puts a stunnel5 into the PATH, where it is found before the installed stunnel. */
function fakeStunnel(t: TestContext, script: string): { path: string; replace(script: string): void } {
  const directory = temporaryDirectory(t, "path");
  const path = join(directory, "stunnel5");
  const before = process.env.PATH;
  process.env.PATH = directory;
  t.after(() => {
    process.env.PATH = before;
  });
  const replace = (text: string) => writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  replace(script);
  return { path, replace };
}

/** A program that prints this where stunnel prints its help, and notes each time it is asked. */
const printing = (text: string, calls: string) =>
  `echo x >>${calls}\n[ "$1" = -help ] || exit 7\ncat >&2 <<'END'\n${text}\nEND`;

test("the installed stunnel is found, and knows what a mount with tls needs", async () => {
  const { path, capabilities } = await findStunnel();
  assert.ok(statSync(path).isFile());
  assert.match(capabilities.version ?? "", /^\d+\.\d+$/);
  for (const option of [
    "checkHost",
    "OCSPaia",
    "verify",
    "CAfile",
    "sni",
    "socket",
    "delay",
    "TIMEOUTidle",
  ]) {
    assert.ok(capabilities.options.has(option), option);
  }
  assert.equal(capabilities.quietForeground, true);
});

test("what stunnel can do is asked once, and again when it was replaced", async (t) => {
  const directory = temporaryDirectory(t, "memory");
  const [calls, memory] = [join(directory, "calls"), join(directory, "a", "stunnel.json")];
  const asked = () => readFileSync(calls, "utf8").length / 2;
  const { path, replace } = fakeStunnel(t, printing(help("5.75"), calls));
  const first = await findStunnel(memory);
  assert.equal(first.path, path);
  assert.equal(first.capabilities.version, "5.75");
  assert.deepEqual(await findStunnel(memory), first);
  assert.equal(asked(), 1);
  replace(printing(help("4.56"), calls));
  assert.equal((await findStunnel(memory)).capabilities.version, "4.56");
  assert.equal(asked(), 2);
  await findStunnel();
  assert.equal(asked(), 3);
});

test("a memory that is damaged, or cannot be kept, only costs time", async (t) => {
  const directory = temporaryDirectory(t, "memory");
  const [calls, memory] = [join(directory, "calls"), join(directory, "stunnel.json")];
  fakeStunnel(t, printing(help("5.75"), calls));
  for (const text of ["", "{", "null", "[]", '{"identity":7}']) {
    writeFileSync(memory, text);
    assert.equal((await findStunnel(memory)).capabilities.version, "5.75");
  }
  assert.equal((await findStunnel(join(calls, "stunnel.json"))).capabilities.version, "5.75");
});

test("an answer that is none is not remembered", async (t) => {
  const directory = temporaryDirectory(t, "memory");
  const [calls, memory] = [join(directory, "calls"), join(directory, "stunnel.json")];
  const { path } = fakeStunnel(
    t,
    `echo x >>${calls}\nhead -c 10 ${calls} >/dev/null\nif [ -e ${directory}/ready ]; then cat >&2 ${directory}/ready; else kill -9 $$; fi`,
  );
  const killed = await findStunnel(memory).catch((error: unknown) => error);
  assert.equal((killed as Error).name, "EfsError");
  assert.match((killed as Error).message, new RegExp(path));
  writeFileSync(join(directory, "ready"), help("5.75"));
  assert.equal((await findStunnel(memory)).capabilities.version, "5.75");
});

test("only a file that can be run is a stunnel", (t) => {
  const installed = stunnelPath();
  const directory = temporaryDirectory(t, "path");
  const before = process.env.PATH;
  t.after(() => {
    process.env.PATH = before;
  });
  process.env.PATH = `:${directory}:relative:`;
  writeFileSync(join(directory, "stunnel5"), "", { mode: 0o644 });
  assert.equal(stunnelPath(), installed);
  const other = join(directory, "other");
  mkdirSync(join(other, "stunnel5"), { recursive: true });
  process.env.PATH = other;
  assert.equal(stunnelPath(), installed);
});
