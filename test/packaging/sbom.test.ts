import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { pinnedRuntime } from "../../packaging/runtime.ts";
import { billOfMaterials } from "../../packaging/sbom.ts";
import { CHECKOUT, VERSION } from "../support/built.ts";

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
}

test("the bill of materials is CycloneDX and has all that is bundled, and node", async () => {
  const runtime = pinnedRuntime();
  const text = await billOfMaterials(runtime, 1_700_000_000);
  assert.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), null);
  const { metadata, components } = JSON.parse(text);
  assert.equal(metadata.component.version, VERSION);
  assert.equal(metadata.timestamp, "2023-11-14T22:13:20.000Z");
  const titles = components.map(
    ({ group, name, version }: Component) => `${group === undefined ? "" : `${group}/`}${name} ${version}`,
  );
  // the notices name the same packages, by their own generator
  const notices = readFileSync(join(CHECKOUT, "THIRD-PARTY-LICENSES"), "utf8");
  const noticed = [...notices.matchAll(/^((?:@[\w.-]+\/)?[\w.-]+ \d+\.\d+\.\d+\S*) \(.+\)$/gm)].map(
    ([, title]) => title,
  );
  assert.deepEqual(titles.sort(), [...noticed, `node ${runtime.version}`].sort());
});

test("the packaged node is of a version with long-term support, and locked by its content", () => {
  const lock = JSON.parse(readFileSync(join(CHECKOUT, "packaging/runtime/package-lock.json"), "utf8"));
  const { "": _, ...packages } = lock.packages;
  const entries = Object.values<{ version: string; integrity: string; resolved?: string }>(packages);
  assert.equal(entries.length, 2);
  for (const { version, integrity, resolved } of entries) {
    assert.match(version, /^24\./);
    assert.match(integrity, /^sha512-/);
    assert.equal(resolved, undefined);
    assert.equal(version, entries[0]?.version);
  }
});
