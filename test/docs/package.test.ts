import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CHECKOUT } from "../support/built.ts";

const read = (name: string) => readFileSync(join(CHECKOUT, name), "utf8");

describe("the package", () => {
  test("locks packages by their content, not by the registry they came from", () => {
    const { packages } = JSON.parse(read("package-lock.json"));
    for (const [name, entry] of Object.entries<{ resolved?: string; integrity?: string }>(packages)) {
      assert.equal(entry.resolved, undefined, name);
      if (name !== "") assert.match(entry.integrity ?? "", /^sha512-/, name);
    }
  });

  test("carries the licences of all that is in its programs", () => {
    const script = join(CHECKOUT, "scripts/licenses.mjs");
    const made = execFileSync(process.execPath, [script, "--print"], { encoding: "utf8" });
    assert.equal(read("THIRD-PARTY-LICENSES"), made, "run: node scripts/licenses.mjs");
  });

  test("has the version of its lock file", () => {
    assert.equal(JSON.parse(read("package-lock.json")).version, JSON.parse(read("package.json")).version);
  });
});
