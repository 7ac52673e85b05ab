import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { install } from "../../../src/app/install/install.ts";
import { PACKAGE_LAYOUT, PROGRAMS } from "../../../src/app/install/layout.ts";
import { uninstall } from "../../../src/app/install/uninstall.ts";
import { EfsError } from "../../../src/core/errors.ts";
import { buildInto, temporaryDirectory } from "../../support/built.ts";

const LIBRARY = "usr/lib/amazon-efs-mount-helper";
const CONFIG = "etc/amazon/efs/efs-utils.conf";
const BUNDLE = "etc/amazon/efs/efs-utils.crt";
const UNIT = "etc/systemd/system/amazon-efs-mount-watchdog.service";

const PROGRAM_COUNT = Object.keys(PROGRAMS).length;

/** The files of an installation outside of its library. */
const OUTSIDE = {
  "sbin/mount.efs": "777",
  "usr/bin/amazon-efs-mount-watchdog": "777",
  "usr/bin/efs-utils": "777",
  "usr/lib/systemd/system-generators/amazon-efs-fstab-generator": "777",
  [CONFIG]: "644",
  [BUNDLE]: "644",
  [UNIT]: "644",
  "etc/logrotate.d/amazon-efs-mount-helper": "644",
  "usr/local/share/bash-completion/completions/efs-utils": "644",
  "usr/local/share/man/man5/efs-utils.conf.5": "644",
  "usr/local/share/man/man8/amazon-efs-mount-watchdog.8": "644",
  "usr/local/share/man/man8/efs-utils.8": "644",
  "usr/local/share/man/man8/mount.efs.8": "644",
};

const sources = temporaryDirectory();
const built = join(sources.path, "dist");
before(() => buildInto(built));
after(() => sources.remove());

/** What is below a directory: paths of files with their modes, and of empty directories with a slash. */
function tree(root: string, directory = root): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const name = relative(root, path);
    if (!entry.isDirectory()) found[name] = (lstatSync(path).mode & 0o777).toString(8);
    else if (readdirSync(path).length === 0) found[`${name}/`] = (lstatSync(path).mode & 0o777).toString(8);
    else Object.assign(found, tree(root, path));
  }
  return found;
}

/** The part of a tree that is not in the library. */
function outside(root: string): Record<string, string> {
  return Object.fromEntries(Object.entries(tree(root)).filter(([name]) => !name.startsWith(LIBRARY)));
}

let place: ReturnType<typeof temporaryDirectory>;
let root: string;
let said: string[];
beforeEach(() => {
  place = temporaryDirectory();
  root = join(place.path, "root");
  said = [];
});
afterEach(() => place.remove());

const say = (line: string) => said.push(line);
/** Installs for a node of another machine, which is quick: it makes no code caches. */
const installing = (options: Partial<Parameters<typeof install>[0]> = {}) =>
  install({ built, root, node: "/opt/other/node", say, ...options });
const uninstalling = (options: Partial<Parameters<typeof uninstall>[0]> = {}) =>
  uninstall({ built, root, purge: false, say, ...options });

function put(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}
const read = (name: string) => readFileSync(join(root, name), "utf8");
const heard = (pattern: RegExp) => said.filter((line) => pattern.test(line)).length;

/** An error of this kind whose message holds all of the texts. */
const failure =
  (kind: EfsError["kind"], ...texts: string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof EfsError, String(error));
    assert.equal(error.kind, kind);
    for (const text of texts) assert.ok(error.message.includes(text), error.message);
    return true;
  };

describe("install", () => {
  test("puts every file where it belongs, readable by all and writable by its owner", async () => {
    await installing();
    assert.deepEqual(outside(root), { ...OUTSIDE, "var/log/amazon/efs/": "755" });
    const library = tree(join(root, LIBRARY));
    const executable = Object.keys(library).filter((name) => library[name] === "755");
    assert.deepEqual(executable.sort(), [
      "bin/amazon-efs-fstab-generator",
      "bin/amazon-efs-mount-watchdog",
      "bin/efs-utils",
      "bin/mount.efs",
      "efs-tunnel-keeper",
    ]);
    assert.equal(heard(/^wrote /), 14);
    assert.equal(heard(/^made .*\/var\/log\/amazon\/efs$/), 1);
  });

  test("installs what was built, and a code cache for each program", async () => {
    await installing({ node: process.execPath });
    const names = readdirSync(built).sort();
    assert.deepEqual(readdirSync(join(root, LIBRARY)).sort(), [...names, "bin"].sort());
    for (const name of names.filter((file) => !file.endsWith(".cache"))) {
      assert.deepEqual(readFileSync(join(root, LIBRARY, name)), readFileSync(join(built, name)), name);
    }
    const programs = names
      .filter((name) => name.endsWith(".cache"))
      .map((name) => name.replace(".cache", ""));
    assert.deepEqual(programs, Object.keys(PROGRAMS).sort());
  });

  test("writes launchers for the node that was named, and links to where they will be", async () => {
    const node = join(place.path, "node");
    symlinkSync(process.execPath, node);
    await installing({ node });
    const launcher = `${LIBRARY}/bin/mount.efs`;
    assert.equal(read(launcher).split("\n")[0], `#!${node}`);
    assert.equal(readlinkSync(join(root, "sbin/mount.efs")), `/${launcher}`);
    const { stdout } = spawnSync(join(root, launcher), ["--version"], { encoding: "utf8" });
    assert.match(stdout, /^mount\.efs /);
  });

  test("makes no code caches where the node is on the other machine only, and says so", async () => {
    await installing({ node: "/opt/not-here/node" });
    assert.equal(readdirSync(join(root, LIBRARY)).filter((name) => name.endsWith(".cache")).length, 0);
    assert.equal(heard(/no code caches.*\/opt\/not-here\/node/), 1);
  });

  test("makes the same code caches every time", async () => {
    const caches = () =>
      readdirSync(join(root, LIBRARY))
        .filter((name) => name.endsWith(".cache"))
        .map((name) => readFileSync(join(root, LIBRARY, name)));
    await installing({ node: process.execPath });
    const first = caches();
    assert.equal(first.length, PROGRAM_COUNT);
    await installing({ node: process.execPath });
    assert.deepEqual(caches(), first);
  });

  test("makes code caches with the node that is in the root already", async () => {
    put("opt/node", `#!/bin/sh\necho "$*" >>${place.path}/called\nexec ${process.execPath} "$@"\n`);
    chmodSync(join(root, "opt/node"), 0o755);
    await installing({ node: "/opt/node" });
    assert.equal(
      readdirSync(join(root, LIBRARY)).filter((name) => name.endsWith(".cache")).length,
      PROGRAM_COUNT,
    );
    assert.match(readFileSync(join(place.path, "called"), "utf8"), /code-cache\.cjs/);
    assert.equal(read(`${LIBRARY}/bin/mount.efs`).split("\n")[0], "#!/opt/node");
  });

  test("puts a package's files where packages have theirs", async () => {
    await installing({ layout: PACKAGE_LAYOUT });
    assert.deepEqual(
      Object.keys(outside(root)).sort(),
      Object.keys({ ...OUTSIDE, "var/log/amazon/efs/": "755" })
        .map((name) => name.replace("usr/local/share", "usr/share").replace("etc/systemd", "usr/lib/systemd"))
        .sort(),
    );
  });

  for (const [verb, run] of [
    ["install", () => installing()],
    ["uninstall", () => uninstalling()],
  ] as const) {
    test(`${verb} leaves alone what a package installed, and says whose it is`, async () => {
      put(`${LIBRARY}/bin/node`, "a package's");
      await assert.rejects(run(), failure("usage", join(root, LIBRARY, "bin/node"), "a package"));
      assert.deepEqual(Object.keys(tree(root)), [`${LIBRARY}/bin/node`]);
    });
  }

  for (const [what, node, text] of [
    ["that holds a blank", "/opt/my node/bin/node", "holds blanks"],
    ["that is too long for a #! line", `/${"n".repeat(125)}`, "longer than 125 bytes"],
    ["that is not absolute", "node", "not absolute"],
  ] as const) {
    test(`refuses a path of node ${what}, before anything is written`, async () => {
      await assert.rejects(installing({ node }), failure("usage", node, text));
      assert.throws(() => lstatSync(root));
    });
  }

  test("takes a path of node that just fits into a #! line", async () => {
    await installing({ node: `/${"n".repeat(124)}` });
    assert.equal(read(`${LIBRARY}/bin/mount.efs`).indexOf("\n"), 127);
  });

  for (const [what, script, text] of [
    ["an old node", "echo v18.20.4", "node v18.20.4"],
    ["a node that is a little too old", "echo v20.18.3", "node v20.18.3"],
    ["what is no node", "exit 3", "no node"],
  ] as const) {
    test(`refuses ${what}, before anything is written`, async () => {
      const node = join(place.path, "node");
      writeFileSync(node, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      await assert.rejects(installing({ node }), failure("usage", node, text));
      assert.throws(() => lstatSync(root));
    });
  }

  test("refuses a directory without built programs", async () => {
    await assert.rejects(installing({ built: place.path }), failure("system", "mount.efs.cjs is not there"));
    assert.throws(() => lstatSync(root));
  });

  test("keeps a configuration that is there, and says so", async () => {
    put(CONFIG, "[mount]\nregion = eu-west-3\n");
    await installing();
    assert.equal(read(CONFIG), "[mount]\nregion = eu-west-3\n");
    assert.equal(heard(/^kept .*efs-utils\.conf/), 1);
  });

  test("replaces a CA bundle that is there, unless it is a symbolic link", async () => {
    put(BUNDLE, "old\n");
    await installing();
    assert.equal(read(BUNDLE), readFileSync(join(built, "efs-utils.crt"), "utf8"));

    const own = join(place.path, "own.crt");
    writeFileSync(own, "own\n");
    rmSync(join(root, BUNDLE));
    symlinkSync(own, join(root, BUNDLE));
    await installing();
    assert.equal(readFileSync(own, "utf8"), "own\n");
    assert.ok(lstatSync(join(root, BUNDLE)).isSymbolicLink());
    assert.equal(heard(/^kept .*efs-utils\.crt, which is a symbolic link/), 1);
  });

  test("says so where it replaces the launcher of another package", async () => {
    put("sbin/mount.efs", "#!/usr/bin/env python3\n");
    await installing();
    assert.equal(heard(/^replaced .*\/sbin\/mount\.efs/), 1);
    said = [];
    await installing();
    assert.equal(heard(/^replaced/), 0);
  });

  test("leaves nothing of an earlier version in the library, and no temporary file", async () => {
    put(`${LIBRARY}/of-an-earlier-version.cjs`, "");
    await installing({ node: process.execPath });
    const first = tree(root);
    assert.ok(!Object.keys(first).some((name) => /earlier|tmp/.test(name)), Object.keys(first).join("\n"));
    await installing({ node: process.execPath });
    assert.deepEqual(tree(root), first);
  });

  test("replaces files instead of writing into them, so that running programs keep theirs", async () => {
    await installing();
    const files = Object.keys(tree(root)).filter(
      (name) => name !== CONFIG && lstatSync(join(root, name)).isFile(),
    );
    // an open file keeps its inode, so that no new one gets its number
    const opened = files.map((name) => openSync(join(root, name), "r"));
    try {
      await installing();
      const same = files.filter(
        (name, index) => statSync(join(root, name)).ino === fstatSync(opened[index] ?? -1).ino,
      );
      assert.deepEqual(same, []);
    } finally {
      for (const descriptor of opened) closeSync(descriptor);
    }
  });

  test("installs from the library itself", async () => {
    await installing();
    const before = tree(root);
    await installing({ built: join(root, LIBRARY) });
    assert.deepEqual(tree(root), before);
    for (const name of readdirSync(built).filter((file) => !file.endsWith(".cache"))) {
      assert.deepEqual(readFileSync(join(root, LIBRARY, name)), readFileSync(join(built, name)), name);
    }
  });

  test("names the file where something fails on the way, and another run completes it", async () => {
    put("usr/bin", "a file where a directory should be");
    await assert.rejects(installing(), failure("system", join(root, "usr/bin")));
    assert.equal(heard(/^wrote .*\/sbin\/mount\.efs/), 1, "what was done has been said");
    rmSync(join(root, "usr/bin"));
    await installing();
    assert.deepEqual(outside(root), { ...OUTSIDE, "var/log/amazon/efs/": "755" });
  });

  test("writes nothing outside of the root through a symbolic link", async () => {
    const outer = join(place.path, "outer");
    mkdirSync(outer);
    mkdirSync(root);
    symlinkSync(outer, join(root, "sbin"));
    await assert.rejects(installing(), failure("usage", join(root, "sbin/mount.efs"), "symbolic link"));
    assert.deepEqual(readdirSync(outer), []);
  });

  test("follows symbolic links that stay in the root, such as /sbin to usr/sbin", async () => {
    mkdirSync(join(root, "usr/sbin"), { recursive: true });
    symlinkSync("usr/sbin", join(root, "sbin"));
    await installing();
    assert.ok(lstatSync(join(root, "usr/sbin/mount.efs")).isSymbolicLink());
    await uninstalling();
    assert.deepEqual(readdirSync(join(root, "usr/sbin")), []);
  });
});

describe("uninstall", () => {
  const files = () => Object.keys(tree(root)).filter((name) => !name.endsWith("/"));

  test("takes away everything that install wrote", async () => {
    await installing();
    await uninstalling();
    assert.deepEqual(files(), []);
    for (const directory of ["etc/amazon", "var/log/amazon", LIBRARY]) {
      assert.throws(() => lstatSync(join(root, directory)), directory);
    }
  });

  test("has nothing to say the second time, or where nothing was installed", async () => {
    await uninstalling();
    await installing();
    await uninstalling();
    said = [];
    await uninstalling();
    assert.deepEqual(said, []);
  });

  test("keeps a changed configuration, the private key and the logs, and says so", async () => {
    await installing();
    put(CONFIG, "[mount]\n");
    put("etc/amazon/efs/privateKey.pem", "key");
    put("var/log/amazon/efs/mount.log", "log");
    await uninstalling();
    assert.deepEqual(files().sort(), [
      CONFIG,
      "etc/amazon/efs/privateKey.pem",
      "var/log/amazon/efs/mount.log",
    ]);
    assert.equal(heard(/^kept .*efs-utils\.conf, which was changed/), 1);
    assert.equal(heard(/^kept .*privateKey\.pem/), 1);
    assert.equal(heard(/^kept .*mount\.log/), 1);
  });

  test("takes all of that away with --purge", async () => {
    await installing();
    put(CONFIG, "[mount]\n");
    put("etc/amazon/efs/privateKey.pem", "key");
    put("var/log/amazon/efs/mount.log", "log");
    await uninstalling({ purge: true });
    assert.deepEqual(files(), []);
  });

  test("keeps what is somebody else's by now: launchers, a changed unit", async () => {
    await installing();
    rmSync(join(root, "sbin/mount.efs"));
    put("sbin/mount.efs", "#!/usr/bin/env python3\n");
    put(UNIT, "[Unit]\n");
    await uninstalling();
    assert.deepEqual(files().sort(), [UNIT, "sbin/mount.efs"]);
    assert.equal(heard(/^kept /), 2);
  });

  test("takes away what is left where parts are missing", async () => {
    await installing();
    rmSync(join(root, LIBRARY), { recursive: true });
    rmSync(join(root, "sbin/mount.efs"));
    await uninstalling();
    assert.deepEqual(files(), []);
  });

  test("knows an unchanged configuration of another version by the copy in the library", async () => {
    await installing();
    put(CONFIG, "[mount]\n");
    put(`${LIBRARY}/efs-utils.conf`, "[mount]\n");
    await uninstalling();
    assert.deepEqual(files(), []);
  });

  test("names the file where something fails on the way, and another run completes it", async () => {
    await installing();
    rmSync(join(root, CONFIG));
    mkdirSync(join(root, CONFIG));
    await assert.rejects(uninstalling(), failure("system", join(root, CONFIG)));
    assert.equal(heard(/^removed .*\/sbin\/mount\.efs/), 1, "what was done has been said");
    rmdirSync(join(root, CONFIG));
    await uninstalling();
    assert.deepEqual(files(), []);
  });
});
