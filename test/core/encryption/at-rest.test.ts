import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  atRestName,
  formatAtRest,
  LONGEST_AT_REST,
  parseAtRest,
} from "../../../src/core/encryption/at-rest.ts";
import type { FileSystemId, Region } from "../../../src/core/ids.ts";

const FS = "fs-12345678" as FileSystemId;
const REGION = "us-east-1" as Region;
const SAID = {
  fsId: FS,
  region: REGION,
  keyId: "arn:aws:kms:us-east-1:1:key/k",
  checkedAt: 1_800_000_000_000,
};

describe("what is remembered of encryption at rest", () => {
  test("is read back as it was written, with or without the key", () => {
    for (const said of [SAID, { ...SAID, keyId: undefined }])
      assert.deepEqual(parseAtRest(formatAtRest(said), FS, REGION), said);
  });

  test("is the file's own of each file system and region", () => {
    assert.equal(atRestName(FS, REGION), "fs-12345678.us-east-1.json");
  });

  const NONE: [what: string, change: Record<string, unknown>][] = [
    ["of a file system that is not encrypted", { encrypted: false }],
    ["of one of which nothing is known", { encrypted: undefined }],
    ["that says yes in another way", { encrypted: "true" }],
    ["of another file system", { fsId: "fs-87654321" }],
    ["of another region", { region: "us-east-2" }],
    ["without its age", { checkedAt: undefined }],
    ["with an age that is none", { checkedAt: 1e300 }],
    ["from before all time", { checkedAt: -1 }],
    ["with a key that is no text", { keyId: 7 }],
    ["with a key that would reach a terminal as it is", { keyId: "\u001b[2J" }],
  ];
  for (const [what, change] of NONE) {
    test(`${what} is no answer`, () => {
      const text = JSON.stringify({ ...JSON.parse(formatAtRest(SAID)), ...change });
      assert.equal(parseAtRest(text, FS, REGION), undefined);
    });
  }

  test("that is too long is no answer", () => {
    const text = `${formatAtRest(SAID)}${" ".repeat(LONGEST_AT_REST)}`;
    assert.equal(parseAtRest(text, FS, REGION), undefined);
  });

  test("is never a yes for anything else: any text, any JSON", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.equal(parseAtRest(text, FS, REGION), undefined);
      }),
    );
  });
});
