import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { auditCsv, auditedFileSystems, auditOf, auditOutcome } from "../../../src/core/encryption/audit.ts";
import type { FileSystem } from "../../../src/core/encryption/file-system.ts";
import type { Region } from "../../../src/core/ids.ts";

function fileSystem(change: Partial<FileSystem> = {}): FileSystem {
  return {
    id: "fs-1",
    region: "us-east-1" as Region,
    name: "home",
    encrypted: true,
    keyId: "arn:aws:kms:us-east-1:1:key/k",
    state: "available",
    createdAt: new Date("2026-11-24T20:00:00Z"),
    sizeBytes: 6144,
    mountTargets: 3,
    ...change,
  };
}

const audit = (...fileSystems: FileSystem[]) => auditOf([{ region: "us-east-1", fileSystems }]);

/** Reads a table as spreadsheets do (RFC 4180). */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quotedCell, plain = "", end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quotedCell?.replaceAll('""', '"') ?? plain);
    if (end === "\r\n") rows.push([]);
  }
  rows.pop();
  return rows;
}

describe("an audit", () => {
  test("is healthy only where all was looked at and is encrypted", () => {
    const failed = { region: "eu-west-1", error: "denied" };
    const all = [{ region: "us-east-1", fileSystems: [fileSystem()] }];
    assert.equal(auditOutcome(auditOf([])), "healthy");
    assert.equal(auditOutcome(auditOf(all)), "healthy");
    assert.equal(auditOutcome(auditOf([...all, failed])), "could not look");
    assert.equal(auditOutcome(audit(fileSystem({ encrypted: undefined }))), "could not look");
    const plain = { region: "us-east-2", fileSystems: [fileSystem({ encrypted: false })] };
    assert.equal(auditOutcome(auditOf([...all, plain])), "findings");
    assert.equal(auditOutcome(auditOf([...all, plain, failed])), "findings");
  });

  test("counts, and has what needs somebody first", () => {
    const found = audit(
      fileSystem({ id: "fs-1" }),
      fileSystem({ id: "fs-2", encrypted: undefined }),
      fileSystem({ id: "fs-3", encrypted: false }),
      fileSystem({ id: "fs-4" }),
    );
    assert.deepEqual([found.encrypted, found.notEncrypted, found.notKnown], [2, 1, 1]);
    assert.deepEqual(
      auditedFileSystems(found).map(({ id }) => id),
      ["fs-3", "fs-2", "fs-1", "fs-4"],
    );
  });
});

describe("an audit as CSV", () => {
  test("has a line of titles and a line a file system, empty where nothing is known", () => {
    const nothing = { name: undefined, encrypted: undefined, keyId: undefined, state: undefined };
    const none = { ...nothing, createdAt: undefined, sizeBytes: undefined, mountTargets: undefined };
    assert.deepEqual(readCsv(auditCsv(audit(fileSystem(), fileSystem({ id: "fs-2", ...none })))), [
      "region file_system_id name encrypted kms_key_id state created_at size_bytes mount_targets".split(" "),
      ["us-east-1", "fs-2", "", "", "", "", "", "", ""],
      [
        "us-east-1",
        "fs-1",
        "home",
        "true",
        "arn:aws:kms:us-east-1:1:key/k",
        "available",
        "2026-11-24T20:00:00.000Z",
        "6144",
        "3",
      ],
    ]);
  });

  test("has any name as it is, but what a spreadsheet would run", () => {
    const strange = fc.oneof(fc.string(), fc.stringMatching(/^[=+@,"\r\n -]{1,10}$/));
    fc.assert(
      fc.property(strange, (name) => {
        const [, [, , read = "", ...more] = []] = readCsv(auditCsv(audit(fileSystem({ name }))));
        assert.equal(more.length, 6);
        assert.doesNotMatch(read, /^[=+\-@\t\r]/);
        assert.equal(read, /^[=+\-@\t\r]/.test(name) ? `'${name}` : name);
      }),
    );
  });
});
