import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildCheckout, temporaryDirectory, VERSION } from "../support/built.ts";

describe("efs-utils", () => {
  const place = temporaryDirectory();
  before(() => buildCheckout(place.path));
  after(() => place.remove());

  const run = (...args: string[]) => {
    const options = { encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(join(place.path, "bin/efs-utils"), args, options);
    return { status, stdout, stderr };
  };

  test("version tells the versions of the package, of node and of stunnel", () => {
    const { status, stdout } = run("version");
    const [own, node, stunnel] = stdout.split("\n");
    assert.equal(own, `efs-utils ${VERSION}`);
    assert.equal(node, `node ${process.versions.node} (${process.execPath})`);
    assert.match(stunnel ?? "", /^stunnel (\d+\.\d+ \(\/.*\)|is not installed)/);
    assert.equal(status, 0);
  });

  test("--help goes to standard output, with status 0", () => {
    const { status, stdout, stderr } = run("--help");
    for (const command of ["install", "uninstall", "version"])
      assert.match(stdout, new RegExp(`^ +${command}`, "m"));
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  });

  for (const args of [[], ["instal"], ["install", "--bogus"], ["install", "extra"], ["install", "--root"]]) {
    test(`${["efs-utils", ...args].join(" ")} is refused on standard error, with status 1`, () => {
      const { status, stdout, stderr } = run(...args);
      assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
      assert.notEqual(stderr, "");
    });
  }

  test("install and uninstall say in a line each what they did", () => {
    const root = join(place.path, "root");
    const installed = run("install", "--root", root);
    assert.equal(installed.status, 0, installed.stderr);
    assert.match(installed.stdout, new RegExp(`^wrote ${root}/sbin/mount.efs$`, "m"));
    const uninstalled = run("uninstall", "--root", root);
    assert.equal(uninstalled.status, 0, uninstalled.stderr);
    assert.match(uninstalled.stdout, new RegExp(`^removed ${root}/sbin/mount.efs$`, "m"));
    assert.ok(!existsSync(join(root, "sbin/mount.efs")));
  });

  test("an empty --root is refused, as of a variable that is not set", () => {
    for (const verb of ["install", "uninstall"]) {
      const { status, stderr } = run(verb, "--root", "");
      assert.match(stderr, /^efs-utils: --root is empty; .*\n$/);
      assert.equal(status, 1);
    }
  });

  test("a reader that goes away does not stop an installation half-way", () => {
    const root = join(place.path, "piped");
    const command = `"$1" install --root "$2" | :; test -d "$2/var/log/amazon/efs"`;
    const program = join(place.path, "bin/efs-utils");
    const { status, stderr } = spawnSync("/bin/sh", ["-c", command, "sh", program, root], {
      encoding: "utf8",
    });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  });

  test("an error is one line on standard error", () => {
    const { status, stdout, stderr } = run("install", "--root", join(place.path, "root"), "--node", "node");
    assert.match(stderr, /^efs-utils: .*not absolute.*; .*--node.*\n$/);
    assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
  });
});
