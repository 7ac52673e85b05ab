import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchMountTable } from "../../src/system/mount-events.ts";
import { findProcesses, isAlive } from "../../src/system/procfs.ts";
import { eventually } from "../support/watchdog-rig.ts";

/** Resolves at the next call of the function beside it. */
function signalled(): { promise: Promise<void>; call: () => void } {
  let call = () => {};
  const promise = new Promise<void>((resolve) => {
    call = resolve;
  });
  return { promise, call: () => call() };
}

test("a change is heard from the reporter, without the poll", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const heard = signalled();
  t.after(watchMountTable(heard.call, ["/bin/sh", "-c", "echo mount; exec sleep 60"]));
  await heard.promise;
});

test("without a reporter the table is looked at every second", async (t) => {
  const heard = signalled();
  t.after(watchMountTable(heard.call, ["/nonexistent/findmnt"]));
  await heard.promise;
});

test("a reporter that ends is started again", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let count = 0;
  const heard = signalled();
  const changed = () => {
    count += 1;
    if (count === 3) heard.call();
  };
  t.after(watchMountTable(changed, ["/bin/sh", "-c", "echo mount"]));
  await heard.promise;
});

/** A mount point for a test, unmounted and removed afterwards. */
function mountPoint(t: { after(action: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), "efs-mount-"));
  t.after(() => {
    spawnSync("umount", ["--lazy", path], { stdio: "ignore" });
    rmdirSync(path);
  });
  return path;
}

test("findmnt(1) reports a mount and its end, without the poll", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const path = mountPoint(t);
  const program = ["findmnt", "--poll", "--noheadings", "--types", "ramfs", "--output", "ACTION"];
  let changes = 0;
  t.after(watchMountTable(() => (changes += 1), program));
  // once it is there, it hears every change
  await eventually("it hears of a mount", () => {
    spawnSync("mount", ["-t", "ramfs", "none", path]);
    spawnSync("umount", [path]);
    return changes > 0;
  });
  spawnSync("mount", ["-t", "ramfs", "none", path]);
  const before = changes;
  spawnSync("umount", [path]);
  await eventually("it hears of the end", () => changes > before);
});

test("the reporter ends with its parent, also where that is killed", async (t) => {
  const module = new URL("../../src/system/mount-events.ts", import.meta.url).href;
  const program = `
    import { watchMountTable } from ${JSON.stringify(module)};
    watchMountTable(() => {});
    setInterval(() => {}, 1000);`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const parent = spawn(process.execPath, args, { stdio: "ignore", cwd: import.meta.dirname });
  t.after(() => void parent.kill("SIGKILL"));
  const reporters = () =>
    findProcesses(({ argv, parent: pid }) => pid === parent.pid && argv.includes("--poll"));
  await eventually("it runs", () => reporters().length === 1);
  const [reporter] = reporters();
  assert.ok(reporter !== undefined && isAlive(reporter));
  parent.kill("SIGKILL");
  await eventually("it has ended", () => !isAlive(reporter));
});
