import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const MODULE = new URL("../../src/system/descriptors.ts", import.meta.url).href;

/** Tells which files a program that it runs has open, before and after. */
const PROGRAM = `
  import { spawnSync } from "node:child_process";
  import { closeInherited } from ${JSON.stringify(MODULE)};
  const list = () => spawnSync("/bin/sh", ["-c", "readlink /proc/$$/fd/*"]).stdout.toString().split("\\n");
  const isThere = () => list().includes("/etc/hostname") && list().includes("/etc/passwd");
  const before = isThere();
  closeInherited();
  setImmediate(() => console.log(before, list().filter((name) => name.startsWith("/etc/"))));`;

test("what a caller left open does not reach the programs that are run, however high it is", () => {
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", PROGRAM];
  const { stdout, stderr } = spawnSync(
    "/bin/bash",
    ["-c", 'exec 40</etc/hostname 250</etc/passwd; exec "$@"', "bash", ...node],
    { encoding: "utf8", cwd: new URL("../..", import.meta.url).pathname },
  );
  assert.equal(stdout, "true []\n", stderr);
});
