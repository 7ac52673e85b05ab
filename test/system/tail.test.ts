import assert from "node:assert/strict";
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { extentOf, Tail } from "../../src/system/tail.ts";
import { type Test, temporaryDirectory } from "../support/authority.ts";

function fileWith(t: Test, text: string): string {
  const path = join(temporaryDirectory(t, "tail"), "log");
  writeFileSync(path, text);
  return path;
}

function tailOf(t: Test, path: string, from = extentOf(path)): Tail {
  const tail = new Tail(path, from);
  t.after(() => tail.close());
  return tail;
}

test("lines are told once, when they are whole", (t) => {
  const path = fileWith(t, "old\n");
  const tail = tailOf(t, path);
  assert.equal(tail.read(), "");
  appendFileSync(path, "one\ntw");
  assert.equal(tail.read(), "one\n");
  assert.equal(tail.read(), "");
  appendFileSync(path, "o\n");
  assert.equal(tail.read(), "two\n");
});

test("a file that is not there yet is told from its beginning", (t) => {
  const path = fileWith(t, "");
  rmSync(path);
  const tail = tailOf(t, path);
  assert.equal(tail.read(), "");
  writeFileSync(path, "one\n");
  assert.equal(tail.read(), "one\n");
});

test("a file that was emptied is told from its beginning, without what was not whole before", (t) => {
  const path = fileWith(t, "a long line of old\n");
  const tail = tailOf(t, path);
  appendFileSync(path, "not who");
  assert.equal(tail.read(), "");
  truncateSync(path);
  appendFileSync(path, "new\n");
  assert.equal(tail.read(), "new\n");
});

test("of a file that another takes the name of, the rest is told, then the other", (t) => {
  const path = fileWith(t, "old\n");
  const tail = tailOf(t, path);
  appendFileSync(path, "last\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "first\n");
  assert.equal(tail.read(), "last\nfirst\n");
});

test("what is known of another file does not count", (t) => {
  const path = fileWith(t, "one\n");
  const { inode = 0, size = 0 } = extentOf(path) ?? {};
  assert.equal(tailOf(t, path, { inode: inode + 1, size }).read(), "one\n");
});

test("a tail that is closed tells nothing more", (t) => {
  const path = fileWith(t, "");
  const tail = tailOf(t, path);
  tail.close();
  appendFileSync(path, "one\n");
  assert.equal(tail.read(), "");
});

test("whatever is written in whatever pieces is told whole", (t) => {
  const path = fileWith(t, "");
  const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "\n", "ü", "😀") }));
  fc.assert(
    fc.property(pieces, (written) => {
      writeFileSync(path, "");
      const tail = new Tail(path, extentOf(path));
      const bytes = Buffer.from(`${written.join("")}\n`);
      let told = "";
      for (const byte of bytes) {
        appendFileSync(path, Buffer.of(byte));
        told += tail.read();
      }
      tail.close();
      assert.equal(told, bytes.toString());
    }),
    { numRuns: 30 },
  );
});
