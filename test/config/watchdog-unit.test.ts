import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { PROGRAMS } from "../../src/app/install/layout.ts";
import { WATCHDOG_UNIT } from "../../src/paths.ts";

const TEXT = readFileSync(new URL(`../../config/${WATCHDOG_UNIT}.service`, import.meta.url), "utf8");
const settings = TEXT.split("\n")
  .filter((line) => /^[A-Z]/.test(line))
  .map((line) => line.split("=", 2) as [string, string]);
const value = (key: string) => settings.filter(([name]) => name === key).map(([, text]) => text);

describe("the watchdog's systemd unit", () => {
  test("runs the installed program", () => {
    assert.deepEqual(value("ExecStart"), [PROGRAMS[WATCHDOG_UNIT]]);
  });

  test("ends after network file systems are unmounted and before the network goes", () => {
    assert.deepEqual(value("Before"), ["remote-fs-pre.target"]);
    // the target is passive: without somebody who wants it, nothing is ordered by it
    assert.deepEqual(value("Wants"), ["remote-fs-pre.target"]);
    assert.deepEqual(value("After"), ["network.target"]);
  });

  test("leaves the tunnels alive where it stops", () => {
    assert.deepEqual(value("KillMode"), ["process"]);
  });

  // capabilities(7): without root's own there is nothing to be limited
  const skip = process.getuid?.() !== 0 && "only root can limit capabilities";
  test("may ask the kernel to spare its keepers where memory runs out", { skip }, (t) => {
    const spare = ["/bin/sh", "-c", "echo -1000 >/proc/self/oom_score_adj && cat /proc/self/oom_score_adj"];
    if (spawnSync("setpriv", spare, { encoding: "utf8" }).status !== 0)
      return t.skip("no CAP_SYS_RESOURCE here");
    const [capabilities = ""] = value("CapabilityBoundingSet");
    const allowed = capabilities
      .split(" ")
      .map((name) => name.replace(/^CAP_(.*)$/, (_, short) => `+${short.toLowerCase()}`));
    const set = ["-all", ...allowed].join(",");
    const { stdout, stderr } = spawnSync("setpriv", [`--bounding-set=${set}`, ...spare], {
      encoding: "utf8",
    });
    assert.equal(stdout, "-1000\n", stderr);
  });

  test("has room for the tunnels that got no scope, writes no core dumps, and no files that everybody reads", () => {
    assert.deepEqual(value("MemoryMax"), ["2G"]);
    assert.deepEqual(value("LimitCORE"), ["0"]);
    assert.deepEqual(value("UMask"), ["0027"]);
  });

  test("is a unit that systemd understands", () => {
    const path = new URL(`../../config/${WATCHDOG_UNIT}.service`, import.meta.url).pathname;
    const { stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
    assert.doesNotMatch(stderr, /Unknown|Failed to parse|ignoring/i);
  });

  // systemd.exec(5), "Sandboxing": each of these makes a mount namespace, and one that is older than an umount
  // may keep the file system mounted, or hide new mounts from the watchdog
  test("gives it no mount namespace of its own", () => {
    const separating =
      /^(Protect(?!Hostname|Clock)|Private(?!Network)|ReadOnly|ReadWrite|Inaccessible|Bind|TemporaryFileSystem|Root|MountAPIVFS|NoExec|Exec.*Paths)/;
    assert.deepEqual(
      settings.map(([key]) => key).filter((key) => separating.test(key)),
      [],
    );
  });
});
