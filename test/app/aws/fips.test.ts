import assert from "node:assert/strict";
import { test } from "node:test";
import { usesFips } from "../../../src/app/aws/fips.ts";
import { parseConfig, settings } from "../../../src/core/config/config.ts";

const CASES: [
  what: string,
  config: string,
  environment: Record<string, string>,
  kernel: boolean,
  fips: boolean,
][] = [
  ["nothing asks for it", "", {}, false, false],
  ["the configuration asks for it", "fips_mode_enabled = true", {}, false, true],
  ["the AWS SDKs' variable asks for it", "", { AWS_USE_FIPS_ENDPOINT: "true" }, false, true],
  ["the AWS SDKs' variable says no", "", { AWS_USE_FIPS_ENDPOINT: "false" }, false, false],
  ["the kernel is in it", "", {}, true, true],
  ["the kernel is in it, and the configuration says no", "fips_mode_enabled = false", {}, true, true],
];
for (const [what, config, environment, kernel, fips] of CASES) {
  test(`FIPS mode: ${fips ? "on" : "off"} where ${what}`, () => {
    const values = settings(parseConfig(`[mount]\n${config}\n`, "efs-utils.conf"));
    assert.equal(
      usesFips(values, environment, () => kernel),
      fips,
    );
  });
}
