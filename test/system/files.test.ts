import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeDirectory, readIfThere, writeAtomically } from "../../src/system/files.ts";
import { temporaryDirectory } from "../support/authority.ts";
import { buildChild, Child, startChild } from "../support/children.ts";
import { assertProblem } from "../support/problem.ts";

const child = buildChild({ after });
const modeOf = (path: string) => statSync(path).mode & 0o7777;

test("a file that is there is read, and one that is not is none", (t) => {
  const directory = temporaryDirectory(t, "files");
  writeFileSync(join(directory, "a"), "größe\n");
  assert.equal(readIfThere(join(directory, "a")), "größe\n");
  assert.equal(readIfThere(join(directory, "b")), undefined);
  assert.equal(readIfThere(join(directory, "c", "d")), undefined);
});

test("what is there and cannot be read is an error that names it", (t) => {
  const directory = temporaryDirectory(t, "files");
  writeFileSync(join(directory, "a"), "");
  for (const path of [directory, join(directory, "a", "b")]) {
    assertProblem(() => readIfThere(path), "system", `cannot read ${path}`);
  }
});

test("directories are made with their parents, and may be there", (t) => {
  const path = join(temporaryDirectory(t, "files"), "a", "b");
  makeDirectory(path, 0o750);
  makeDirectory(path, 0o700);
  assert.equal(modeOf(path), 0o750);
  const file = join(path, "c");
  writeFileSync(file, "");
  assertProblem(
    () => makeDirectory(join(file, "d"), 0o750),
    "system",
    "cannot make directory",
    file,
    "no directory: move it away",
  );
});

test("a file is written with its mode, whatever the umask is, in place of an older one", (t) => {
  const directory = temporaryDirectory(t, "files");
  const path = join(directory, "a");
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  writeAtomically(path, "one", 0o640);
  assert.equal(modeOf(path), 0o640);
  writeAtomically(path, "größe", 0o400, { durable: true });
  assert.equal(modeOf(path), 0o400);
  assert.equal(readFileSync(path, "utf8"), "größe");
  writeAtomically(path, "", 0o600);
  assert.equal(readFileSync(path, "utf8"), "");
  assert.deepEqual(readdirSync(directory), ["a"]);
});

test("who reads a file while it is written sees one text or the other, never a part", async (t) => {
  const path = join(temporaryDirectory(t, "files"), "a");
  const SIZE = 300_000;
  const writer = startChild(t, child, "write", path, String(SIZE), "200");
  let done = false;
  const written = writer.line().then((line) => {
    done = true;
    return line;
  });
  const seen = new Set<string>();
  while (!done) {
    const text = readIfThere(path);
    if (text !== undefined) {
      assert.equal(text.length, SIZE);
      assert.ok(text === text.charAt(0).repeat(SIZE), "it is a mixture");
      seen.add(text.charAt(0));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await written, "done");
  t.diagnostic(`${seen.size} texts were seen`);
});

test("where a file cannot be written, the error names it and nothing is left", (t) => {
  const directory = temporaryDirectory(t, "files");
  const missing = join(directory, "missing", "a");
  assertProblem(
    () => writeAtomically(missing, "x", 0o600),
    "system",
    `cannot write ${missing}`,
    "directory is there",
  );
  mkdirSync(join(directory, "b"));
  assertProblem(() => writeAtomically(join(directory, "b"), "x", 0o600), "system", "cannot write");
  assert.deepEqual(readdirSync(directory), ["b"]);
  assert.deepEqual(readdirSync(join(directory, "b")), []);
});

test("a full file system leaves the old file as it was, and nothing of the new one", async (t) => {
  const directory = mkdtempSync(join(temporaryDirectory(t, "files"), "small-"));
  const script = `
    mount -t tmpfs -o size=64k none "$1" && printf old > "$1/a" || exit
    "$2" "$3" write "$1/a" 1000000 1 </dev/null
    ls -A "$1"; cat "$1/a"; echo
    "$2" "$3" write "$1/a" 50000 1 </dev/null`;
  const args = ["-m", "/bin/sh", "-c", script, "small", directory, process.execPath, child];
  const shell = new Child(t, "unshare", args);
  assert.match(await shell.line(), /^system: cannot write \S+\/a: ENOSPC.*; free some space/);
  assert.equal(await shell.line(), "a");
  assert.equal(await shell.line(), "old");
  assert.equal(await shell.line(), "done");
});
