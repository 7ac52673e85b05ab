import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildCheckout, CHECKOUT, temporaryDirectory, VERSION } from "../support/built.ts";

const PROGRAMS = ["mount.efs", "efs-utils", "amazon-efs-mount-watchdog"];

describe("the launchers in bin/", () => {
  const place = temporaryDirectory();
  const bin = join(place.path, "bin");
  const dist = join(place.path, "dist");

  before(() => buildCheckout(place.path));
  after(() => place.remove());

  const run = (file: string, cwd = "/") => spawnSync(file, ["--version"], { cwd, encoding: "utf8" });

  for (const name of PROGRAMS) {
    test(`${name} runs by its absolute path`, () => {
      const { stdout, status } = run(join(bin, name));
      assert.equal(status, 0);
      assert.ok(stdout.includes(VERSION), stdout);
    });
  }

  test("run by a relative path", () => {
    assert.equal(run("./bin/mount.efs", place.path).status, 0);
  });

  for (const name of PROGRAMS) {
    test(`${name} runs in a working directory that was removed`, () => {
      const script = 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$2" --version';
      const words = ["-c", script, "sh", join(place.path, "gone"), join(bin, name)];
      const { status, stderr } = spawnSync("/bin/sh", words, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    });
  }

  test("run through a symbolic link, also one to a link", () => {
    const elsewhere = join(place.path, "elsewhere");
    mkdirSync(elsewhere);
    symlinkSync(join(bin, "mount.efs"), join(elsewhere, "first"));
    symlinkSync("first", join(elsewhere, "second"));
    assert.equal(run(join(elsewhere, "second")).status, 0);
  });

  test("run below a package.json that makes everything an ES module", () => {
    cpSync(join(CHECKOUT, "package.json"), join(place.path, "package.json"));
    assert.equal(run(join(bin, "mount.efs")).status, 0);
  });

  for (const name of PROGRAMS) {
    test(`${name} says in one line with status 2 that nothing is built`, () => {
      renameSync(dist, `${dist}.away`);
      try {
        const { stdout, stderr, status } = run(join(bin, name));
        assert.match(stderr, new RegExp(`^${name}: .*npm run build.*\n$`));
        assert.deepEqual({ stdout, status }, { stdout: "", status: 2 });
      } finally {
        renameSync(`${dist}.away`, dist);
      }
    });
  }
});
