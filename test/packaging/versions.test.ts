import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  otherVersions,
  releasedChanges,
  setPageVersions,
  unreleasedChanges,
} from "../../packaging/versions.ts";
import { PACKAGE } from "../../src/app/install/layout.ts";
import { temporaryDirectory } from "../support/authority.ts";
import { CHECKOUT, VERSION } from "../support/built.ts";

test("lock file and manual pages have the version of package.json", () => {
  assert.deepEqual(otherVersions(CHECKOUT), [], "npm version VERSION sets them all");
});

test("the documentation names packages without a version, so that none is left behind there", () => {
  const pages = ["README.md", ...readdirSync(join(CHECKOUT, "docs")).map((name) => join("docs", name))];
  for (const page of pages)
    assert.doesNotMatch(readFileSync(join(CHECKOUT, page), "utf8"), new RegExp(`${PACKAGE}[_-]v?\\d`), page);
});

test("a version that was left behind anywhere is found, and put right in all manual pages", (t) => {
  const copy = temporaryDirectory(t, "versions");
  for (const name of ["package.json", "package-lock.json", "man"]) {
    cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
  }
  const manifest = join(copy, "package.json");
  writeFileSync(
    manifest,
    readFileSync(manifest, "utf8").replace(`"version": "${VERSION}"`, '"version": "9.8.7"'),
  );
  const others = otherVersions(copy);
  assert.ok(others.includes(`package-lock.json has ${VERSION} instead of 9.8.7`), others.join("\n"));
  assert.ok(others.includes(`man/mount.efs.8 has ${VERSION} instead of 9.8.7`), others.join("\n"));
  setPageVersions(copy, "9.8.7");
  assert.deepEqual(
    otherVersions(copy).filter((line) => line.startsWith("man/")),
    [],
  );
});

const CHANGES = "# Changelog\n\n## Unreleased\n\n- One.\n\n## 1.0.0, 2026-01-31\n\n- Two.\n";

test("changes that are in no release hold one up, and become the release's", () => {
  assert.match(unreleasedChanges(CHANGES, "1.0.0") ?? "", /changes that are in no release/);
  assert.match(unreleasedChanges(CHANGES, "1.1.0") ?? "", /the newest release .* is 1\.0\.0, not 1\.1\.0/);
  assert.match(unreleasedChanges("# Changelog\n", "1.1.0") ?? "", /is none, not 1\.1\.0/);
  const released = releasedChanges(CHANGES, "1.1.0", "2026-02-28");
  assert.equal(unreleasedChanges(released, "1.1.0"), undefined);
  assert.match(released, /^## Unreleased\n\n## 1\.1\.0, 2026-02-28\n\n- One\.$/m);
});
