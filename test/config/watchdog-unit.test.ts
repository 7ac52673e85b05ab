import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { PROGRAMS } from "../../src/app/install-layout.ts";
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
