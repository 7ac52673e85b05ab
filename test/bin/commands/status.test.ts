import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryDirectory } from "../../support/built.ts";
import { efsUtils } from "./program.ts";

describe("efs-utils status", { concurrency: 3 }, () => {
  const wrong: [args: string[], says: RegExp][] = [
    [["/no/mount"], /no EFS file system is mounted at "\/no\/mount"/],
    [["--json", "--prometheus"], /exclude each other/],
    [["--watch", "--json"], /--watch is for a terminal/],
    [["--watch"], /--watch needs a terminal/],
    [["--output", "/tmp/x"], /--output needs/],
    [["--watch", "--interval", "0"], /--interval "0"/],
    [["--bogus"], /unknown option/],
  ];
  for (const [args, says] of wrong) {
    test(`${args.join(" ")} is refused with status 2, in one line, and nothing else`, () => {
      const { status, stdout, stderr } = efsUtils("status", ...args);
      assert.match(stderr, says);
      assert.match(stderr, /^[^\n]+\n$/);
      assert.deepEqual({ status, stdout }, { status: 2, stdout: "" });
    });
  }

  test("--output writes the file whole and says nothing", (t) => {
    const place = temporaryDirectory();
    t.after(() => place.remove());
    const file = join(place.path, "efs.prom");
    const { stdout, stderr } = efsUtils("status", "--prometheus", "--output", file);
    assert.deepEqual({ stdout, stderr }, { stdout: "", stderr: "" });
    assert.match(
      readFileSync(file, "utf8"),
      /^# HELP efs_healthy .*\n# TYPE efs_healthy gauge\nefs_healthy [01]\n/,
    );
    assert.equal(existsSync(`${file}.tmp`), false);
  });

  test("--json is one object that names its schema first", () => {
    const { stdout } = efsUtils("status", "--json");
    assert.match(stdout, /^\{\n {2}"schema": "efs-utils\.status\/1",\n/);
    assert.ok(Array.isArray(JSON.parse(stdout).mounts));
  });
});
