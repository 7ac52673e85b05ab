import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TEMPLATES, type TemplateName } from "../../../src/core/encryption/templates.ts";
import { efsUtils } from "./program.ts";

describe("efs-utils encryption enforce", { concurrency: 3 }, () => {
  for (const name of Object.keys(TEMPLATES) as TemplateName[]) {
    test(`--template ${name} prints the template alone, fit for a file`, () => {
      const { status, stdout, stderr } = efsUtils("encryption", "enforce", "--template", name);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(TEMPLATES[name].document)));
    });
  }

  test("--json names the schema and the template", () => {
    const { status, stdout } = efsUtils("encryption", "enforce", "--template", "scp", "--json");
    assert.equal(status, 0);
    const { schema, template, document } = JSON.parse(stdout);
    assert.deepEqual([schema, template], ["efs-utils.encryption-enforce/1", "scp"]);
    assert.deepEqual(document, TEMPLATES.scp.document);
  });

  for (const args of [[], ["--template", "terraform"]]) {
    test(`${["enforce", ...args].join(" ")} is refused, and the reader learns what there is`, () => {
      const { status, stdout, stderr } = efsUtils("encryption", "enforce", ...args);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /--template/);
    });
  }
});
