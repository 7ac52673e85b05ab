import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type FstabUnits, writeFstabUnits } from "../../../src/app/install/fstab-units.ts";
import { temporaryDirectory } from "../../support/authority.ts";

const GENERATOR = "/usr/lib/systemd/system-generators/systemd-fstab-generator";
const skip = !existsSync(GENERATOR) && "systemd's generator is not on this machine";

function places(t: TestContext, fstab: string, change: Partial<FstabUnits> = {}) {
  const place = temporaryDirectory(t, "fstab-units");
  const directory = join(place, "early");
  mkdirSync(directory);
  writeFileSync(join(place, "fstab"), fstab, "latin1");
  const given: FstabUnits = {
    fstab: join(place, "fstab"),
    generators: ["/none/systemd-fstab-generator", GENERATOR],
    administrators: [join(place, "etc")],
    directory,
    environment: {},
    ...change,
  };
  return { place, directory, given };
}

/** Everything in a directory: a link with where it leads, a file with "". */
function tree(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(directory.length + 1), entry.isSymbolicLink() ? readlinkSync(path) : ""];
      }),
  );
}

describe("units for lines of fstab without _netdev", { skip }, () => {
  test("are those of a network file system, and the boot's local part does not need them", async (t) => {
    const { directory, given } = places(
      t,
      "/dev/vda1 / ext4 defaults 0 1\nfs-1:/ /mnt/efs efs tls 0 0\nfs-2:/ /mnt/said efs _netdev 0 0\n",
    );
    assert.deepEqual(await writeFstabUnits(given), ["mnt-efs.mount"]);
    assert.deepEqual(tree(directory), {
      "mnt-efs.mount": "",
      "remote-fs.target.requires/mnt-efs.mount": "../mnt-efs.mount",
      "local-fs.target.requires/mnt-efs.mount": "/dev/null",
      "local-fs.target.wants/mnt-efs.mount": "/dev/null",
    });
    const unit = readFileSync(join(directory, "mnt-efs.mount"), "utf8");
    assert.match(unit, /^Before=remote-fs\.target$/m);
    assert.match(unit, /^What=fs-1:\/\nWhere=\/mnt\/efs\nType=efs\nOptions=tls,_netdev$/m);
    assert.ok(unit.includes(`SourcePath=${given.fstab}\n`), "systemd is to compare it with fstab's own time");
  });

  test("keep what the line says to systemd", async (t) => {
    const { directory, given } = places(
      t,
      [
        "fs-1:/ /mnt/with\\040blank efs tls,nofail,x-systemd.automount,x-systemd.idle-timeout=2min 0 0",
        "fs-2:/ /mnt/by-hand efs noauto,x-systemd.requires=vpn.service 0 0",
        "fs-3:/ /mnt/wanted efs x-systemd.wanted-by=web.target",
      ].join("\n"),
    );
    const blank = "mnt-with\\x20blank";
    const units = ["mnt-by\\x2dhand.mount", "mnt-wanted.mount", `${blank}.automount`, `${blank}.mount`];
    assert.deepEqual((await writeFstabUnits(given)).sort(), units);
    const links = Object.entries(tree(directory)).filter(([, target]) => target.startsWith("../"));
    assert.deepEqual(Object.fromEntries(links), {
      [`remote-fs.target.wants/${blank}.automount`]: `../${blank}.automount`,
      "web.target.wants/mnt-wanted.mount": "../mnt-wanted.mount",
    });
    assert.match(readFileSync(join(directory, `${blank}.automount`), "utf8"), /^TimeoutIdleSec=2min$/m);
    assert.match(readFileSync(join(directory, "mnt-by\\x2dhand.mount"), "utf8"), /^Requires=vpn\.service$/m);
  });

  test("are written beside lines that are none", async (t) => {
    const { given } = places(
      t,
      "fs-1:/ none efs tls\nfs-2:/\nx\nfs-3:/ /a efs\nfs-4:/ /a efs\n\xff /b\xff efs ro",
    );
    assert.deepEqual(await writeFstabUnits(given), ["a.mount", "b\\xff.mount"]);
  });

  test("give way to a unit of the administrator's", async (t) => {
    const { place, directory, given } = places(t, "fs-1:/ /mnt/efs efs tls\nfs-2:/ /mnt/b efs tls\n");
    mkdirSync(join(place, "etc"));
    writeFileSync(join(place, "etc/mnt-efs.mount"), "[Mount]\n");
    assert.deepEqual(await writeFstabUnits(given), ["mnt-b.mount"]);
    assert.equal(existsSync(join(directory, "mnt-efs.mount")), false);
  });

  test("are the same when they are written again", async (t) => {
    const { directory, given } = places(t, "fs-1:/ /mnt/efs efs tls\n");
    await writeFstabUnits(given);
    const before = tree(directory);
    await writeFstabUnits(given);
    assert.deepEqual(tree(directory), before);
  });
});

describe("no units are written", () => {
  const line = "fs-1:/ /mnt/efs efs tls 0 0\n";

  test("where no line needs one, and systemd's generator is not asked then", async (t) => {
    const { directory, given } = places(t, "fs-1:/ /mnt/efs efs _netdev 0 0\n", { generators: [] });
    assert.deepEqual(await writeFstabUnits(given), []);
    assert.deepEqual(await writeFstabUnits({ ...given, fstab: "/none" }), []);
    assert.deepEqual(tree(directory), {});
  });

  test("where systemd's generator is not there", async (t) => {
    const { directory, given } = places(t, line, { generators: ["/none/generator"] });
    const failure = { name: "EfsError", kind: "system", message: /\/none\/generator/, hint: /_netdev/ };
    await assert.rejects(writeFstabUnits(given), failure);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("where systemd's generator is one of before SYSTEMD_FSTAB, which reads the machine's own", async (t) => {
    const { place, directory, given } = places(t, line);
    const old = join(place, "old-generator");
    const script = `printf '[Unit]\\nSourcePath=/etc/fstab\\n[Mount]\\nWhat=x\\n' > "$1/home.mount"`;
    writeFileSync(old, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const failure = { name: "EfsError", message: /SYSTEMD_FSTAB.*home\.mount/, hint: /_netdev/ };
    await assert.rejects(writeFstabUnits({ ...given, generators: [old] }), failure);
    assert.deepEqual(readdirSync(directory), []);
  });
});
