import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { KEEPER } from "../../support/watchdog-rig.ts";

test("shellcheck has nothing to say of the keeper", () => {
  const { status, stdout } = spawnSync("shellcheck", ["--shell=dash", KEEPER], { encoding: "utf8" });
  assert.equal(stdout, "");
  assert.equal(status, 0);
});

// some shells make files of them, in a /tmp that may be full or read-only
test("the keeper has no here-document", () => {
  assert.doesNotMatch(readFileSync(KEEPER, "utf8"), /<<(?!=)/);
});
