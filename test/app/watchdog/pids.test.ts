import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("strangers that got the pids of a dead stunnel and its keeper live on, whatever becomes of the tunnel", () => {
  const program = new URL("../../support/pid-reuse.ts", import.meta.url).pathname;
  // process 1 has to wait for orphans: as zombies they would keep their pids
  const script = '"$@"; exit $?';
  const namespace = ["--pid", "--fork", "--mount-proc", "--kill-child"];
  const { status, stderr } = spawnSync(
    "unshare",
    [...namespace, "bash", "-c", script, "init", process.execPath, "--import", "tsx", program],
    { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL", cwd: import.meta.dirname },
  );
  assert.equal(status, 0, stderr);
});
