import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { restoreReadAhead } from "../../../src/app/watchdog/read-ahead.ts";

const ENTRY = {
  id: 1,
  device: "0:42",
  mountPoint: "/mnt/efs",
  type: "nfs4",
  source: "127.0.0.1:/",
  superOptions: "rw,vers=4.1,rsize=1048576,wsize=1048576,port=20049,addr=127.0.0.1",
};

const CASES: [what: string, before: string, after: string, written: boolean][] = [
  ["one that was set back is set again", "128\n", "15360", true],
  ["one that is right stays", "15360\n", "15360\n", false],
  ["one that somebody raised stays", "65536\n", "65536\n", false],
];
for (const [what, before, after, written] of CASES) {
  test(`read-ahead: ${what}`, (t) => {
    const directory = mkdtempSync(join(tmpdir(), "bdi-"));
    t.after(() => rmSync(directory, { recursive: true }));
    mkdirSync(join(directory, ENTRY.device));
    const file = join(directory, ENTRY.device, "read_ahead_kb");
    writeFileSync(file, before);
    assert.equal(restoreReadAhead(ENTRY, directory), written);
    assert.equal(readFileSync(file, "utf8"), after);
  });
}

test("read-ahead: a mount without a read size, and a kernel without the knob, are left alone", () => {
  assert.equal(restoreReadAhead({ ...ENTRY, superOptions: "rw" }, "/none"), false);
  assert.equal(restoreReadAhead(ENTRY, "/none"), false);
});
