import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { emptyConfig, parseConfig, settings } from "../../src/core/config/config.ts";
import { KEYS, type KeyId, keyName } from "../../src/core/config/keys.ts";
import { SPECIAL_PARTITIONS } from "../../src/core/location/partitions.ts";

const PATH = "config/efs-utils.conf";
const TEXT = readFileSync(new URL(`../../${PATH}`, import.meta.url), "utf8");

interface Line {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly active: boolean;
  /** The line above it. */
  readonly above: string;
}

/** Every `key = value` of the file, also those that are commented out. */
function lines(text: string): Line[] {
  let section = "";
  let above = "";
  const found: Line[] = [];
  for (const line of text.split("\n")) {
    section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
    const [, comment, key, value] = /^(#?) ?([a-z0-9_]+) = (.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) {
      found.push({ section, key, value, active: comment === "", above });
    }
    above = line;
  }
  return found;
}

describe("the shipped efs-utils.conf", () => {
  const file = parseConfig(TEXT, PATH);
  const all = lines(TEXT);
  const common = all.filter(({ section }) => !section.startsWith("mount."));

  test("is read without a warning", () => {
    assert.deepEqual(file.warnings, []);
  });

  test("says what no file says: every value in it is the default", () => {
    assert.deepEqual(settings(file), settings(emptyConfig(PATH)));
  });

  for (const [id, { section, fallback }] of Object.entries(KEYS)) {
    const key = keyName(id as KeyId);
    // off by default, and switched on by taking the comment sign away
    const isExample = fallback === undefined || id === "cloudwatch-log.enabled";
    test(`has ${key} in [${section}], ${isExample ? "commented out, as an example" : "with its default"}`, () => {
      const found = common.filter((line) => line.section === section && line.key === key);
      assert.equal(found.length, 1);
      assert.equal(found[0]?.active, !isExample);
      assert.notEqual(KEYS[id as KeyId].type.read(found[0]?.value ?? ""), undefined, "it is a valid value");
    });
  }

  test("has no key that is not known, commented out or not", () => {
    const known = Object.entries(KEYS).map(([id, { section }]) => `${section} ${keyName(id as KeyId)}`);
    assert.deepEqual(
      common.map(({ section, key }) => `${section} ${key}`).filter((name) => !known.includes(name)),
      [],
    );
  });

  test("explains each key in the line above it", () => {
    const bare = common.filter(({ above }) => !/^# ./.test(above)).map(({ key }) => key);
    // the first two of a pair share a line, and a heading stands between this one and its line
    assert.deepEqual(bare, ["port_range_upper_bound", "enabled"]);
  });

  test("has a section for each region whose names end otherwise, and for no other", () => {
    const regions = all.filter(({ section }) => section.startsWith("mount."));
    assert.deepEqual(
      Object.fromEntries(regions.map(({ section, value }) => [section.slice("mount.".length), value])),
      Object.fromEntries(Object.entries(SPECIAL_PARTITIONS).map(([region, { suffix }]) => [region, suffix])),
    );
    assert.deepEqual(
      regions.filter(({ key, active }) => key !== "dns_name_suffix" || !active),
      [],
    );
  });

  // guides tell people to run these: sed '/\[cloudwatch-log\]/{N;s/# enabled = true/enabled = true/}', sed
  // 's/#region = .*/region = X/'
  test("can be edited the way that guides do it with sed", () => {
    const edited = TEXT.replace(
      "[cloudwatch-log]\n# enabled = true",
      "[cloudwatch-log]\nenabled = true",
    ).replace(/#region = .*/, "region = eu-west-3");
    const { "cloudwatch-log.enabled": enabled, region } = settings(parseConfig(edited, PATH));
    assert.deepEqual({ enabled, region }, { enabled: true, region: "eu-west-3" });
  });
});
