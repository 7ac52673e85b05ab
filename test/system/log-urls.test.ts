import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "../../src/system/log.ts";
import { temporaryDirectory } from "../support/authority.ts";

test("a log names hosts, and of URLs and credentials' paths nothing else", (t) => {
  const path = join(temporaryDirectory(t, "log"), "mount.log");
  const log = openLog(path, { level: "INFO", maxBytes: 0, fileCount: 0 });
  log.error("proxy http://eve:pan/th@er@proxy.example:3128/x?y=secret refused");
  log.error("no answer from http://169.254.170.2/v2/credentials/0f1e2d3c, nor at /v2/credentials/0f1e2d3c");
  log.error('"https://[fd00::1]:443/secret" is no URL');
  assert.deepEqual(
    readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.replace(/^.* - ERROR - /, "")),
    [
      "proxy http://proxy.example:3128 refused",
      "no answer from http://169.254.170.2 nor at /v2/credentials/(id)",
      '"https://[fd00::1]:443" is no URL',
    ],
  );
});
