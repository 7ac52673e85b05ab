/** The .deb on whole systems of other releases: what it does there from its installation to its purge. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { LIBRARY, PACKAGE, PACKAGE_LAYOUT, RUNTIME } from "../../src/app/install/layout.ts";
import { run } from "../fakes/namespaces.ts";
import { CleanMachine } from "../packages/clean-machine.ts";
import { inMachines } from "../packages/in-machines.ts";
import { programsNeeded, undeclared } from "../packages/programs.ts";
import { makePackages } from "../packages/versions.ts";
import { CHECKOUT, VERSION } from "../support/built.ts";
import { type Suite, systemRoot } from "./root.ts";

/** What the package depends on, what uses what it brings, and what the conformance suite needs. */
const PACKAGES = [
  ...["stunnel4", "nfs-common", "ca-certificates"],
  ...["man-db", "groff-base", "bash-completion", "iproute2", "openssl"],
];
const SUITES: readonly Suite[] = ["bullseye", "trixie"];
const CONFIG = "/etc/amazon/efs/efs-utils.conf";
const CONFORMANCE = join(CHECKOUT, "../shared/conformance");
const EARLIER_LINE = "# a line of an earlier version\n";
const LIMIT_MS = 3_600_000;
const CONFORMANCE_LIMIT_MS = 1_200_000;

interface Made {
  readonly deb: string;
  readonly earlier: string;
  readonly roots: Readonly<Record<string, string>>;
}

await inMachines(
  (folder): Made => {
    const { deb } = makePackages(CHECKOUT, join(folder, "packages"));
    const roots = Object.fromEntries(SUITES.map((suite) => [suite, systemRoot(suite, PACKAGES)]));
    return { deb, earlier: earlierVersion(deb, folder), roots };
  },
  ({ deb, earlier, roots }) => {
    for (const suite of SUITES) describe(suite, () => tests(roots[suite] ?? "", deb, earlier));
  },
  LIMIT_MS,
);

/** The same package as version 0.0.1, which ships one line more in its configuration. */
function earlierVersion(deb: string, folder: string): string {
  const tree = join(folder, "earlier");
  execFileSync("dpkg-deb", ["--raw-extract", deb, tree]);
  appendFileSync(join(tree, CONFIG), EARLIER_LINE);
  const control = join(tree, "DEBIAN/control");
  writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*$/m, "Version: 0.0.1"));
  const file = join(folder, "earlier.deb");
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", tree, file], { stdio: "pipe" });
  return file;
}

function tests(root: string, deb: string, earlier: string): void {
  const machine = new CleanMachine({ after }, root);
  const files = () =>
    machine.output("find", "/etc", "/opt", "/usr", "/var").split("\n").filter(isKept).sort();
  const before = files();

  test("the package installs, and its programs run", () => {
    machine.dpkg("--install", earlier);
    assert.ok(machine.read(CONFIG).endsWith(EARLIER_LINE));
    assert.equal(machine.output("dpkg", "--audit"), "");
  });

  test("it is upgraded, and its configuration with it", () => {
    machine.dpkg("--install", deb);
    assert.equal(machine.output("/sbin/mount.efs", "--version"), `mount.efs ${VERSION}\n`);
    assert.equal(machine.read(CONFIG), machine.read(`${LIBRARY}/efs-utils.conf`));
    assert.equal(machine.output("dpkg", "--audit"), "");
    assert.equal(machine.output("dpkg", "--verify", PACKAGE), "");
  });

  test("every program that it runs is in a package that is essential or that it depends on", () => {
    const depends = execFileSync("dpkg-deb", ["--field", deb, "Depends"], { encoding: "utf8" });
    assert.deepEqual(undeclared(root, programsNeeded(), depends.trim()), []);
  });

  for (const { name, path } of PACKAGE_LAYOUT.manPages) {
    test(`man(1) shows ${name} without a warning`, () => {
      const { stdout, stderr } = machine.run("man", "--warnings", "--local-file", `${path}.gz`);
      assert.match(stdout, /NAME/);
      assert.equal(stderr, "");
    });
  }

  test("bash-completion loads the completion of efs-utils", () => {
    const load =
      "if type _comp_load >/dev/null 2>&1; then _comp_load efs-utils; else _completion_loader efs-utils; fi";
    const script = `. /usr/share/bash-completion/bash_completion; ${load}; complete -p efs-utils`;
    assert.match(machine.output("bash", "-c", script), / efs-utils$/m);
  });

  test("mount.efs passes the conformance suite", (t) => {
    if (!existsSync(CONFORMANCE)) return t.skip(`there is no conformance suite at ${CONFORMANCE}`);
    run("mount", "-t", "sysfs", "sysfs", join(machine.root, "sys"));
    const checkout = mkdtempSync(join(machine.root, "opt/checkout-"));
    for (const part of ["scripts/conformance.mjs", "test/conformance"]) {
      mkdirSync(join(checkout, part, ".."), { recursive: true });
      cpSync(join(CHECKOUT, part), join(checkout, part), { recursive: true });
    }
    cpSync(CONFORMANCE, join(checkout, "suite"), { recursive: true });
    const inside = checkout.slice(machine.root.length);
    const args = [`${inside}/scripts/conformance.mjs`, `${inside}/suite`, "--impl", "/sbin/mount.efs"];
    const { status, stdout, stderr } = spawnSync("chroot", [machine.root, RUNTIME, ...args], {
      encoding: "utf8",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root" },
      timeout: CONFORMANCE_LIMIT_MS,
    });
    execFileSync("rm", ["-r", checkout]);
    assert.equal(status, 0, `${stdout}${stderr}`.replaceAll(/^ok .*\n/gm, ""));
  });

  test("its removal leaves the configuration, its purge nothing", () => {
    machine.dpkg("--remove", PACKAGE);
    assert.equal(machine.output("dpkg", "--audit"), "");
    machine.dpkg("--purge", PACKAGE);
    assert.deepEqual(
      files().filter((path) => !before.includes(path)),
      [],
    );
  });
}

/** Whether a file is anybody's but dpkg's and the caches'. */
function isKept(path: string): boolean {
  return !/^\/var\/(lib\/dpkg|cache|log\/(dpkg|alternatives)\.log)/.test(path);
}
