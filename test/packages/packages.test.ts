import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { architecture } from "../../packaging/about.ts";
import { pinnedRuntime } from "../../packaging/runtime.ts";
import {
  CA_BUNDLE,
  CONFIG as CONFIG_FILE,
  LIBRARY,
  PACKAGE,
  PACKAGE_LAYOUT,
  PROGRAMS,
  RUNTIME,
} from "../../src/app/install/layout.ts";
import { run } from "../fakes/namespaces.ts";
import type { Test } from "../support/authority.ts";
import { CHECKOUT, VERSION } from "../support/built.ts";
import { CleanMachine, listens, MOUNT, processes, type Tunnel } from "./clean-machine.ts";
import { Container, connectedClient } from "./container.ts";
import { type Image, imageOf } from "./image.ts";
import { inMachines } from "./in-machines.ts";
import { makeStandIn, RPM_SYSTEM, type StandIn } from "./stand-in.ts";
import { NEXT_CONFIG_LINE, NEXT_VERSION, OTHER_KIND, type Packages, Versions } from "./versions.ts";

const CONFIG = "/etc/amazon/efs/efs-utils.conf";
const KEY = "/etc/amazon/efs/privateKey.pem";
const LOG = "/var/log/amazon/efs/mount.log";
const CHANGE = "# changed by the administrator\n";
const WATCHDOG = "amazon-efs-mount-watchdog";

/** Does of a mount what the watchdog can see without an NFS client in the kernel: stays connected to the tunnel. */
const CONNECTING_MOUNT_NFS4 = `#!/bin/bash
[[ $* =~ ,port=([0-9]+) ]]
exec 3<>/dev/tcp/127.0.0.1/\${BASH_REMATCH[1]}
sleep infinity </dev/null >/dev/null 2>&1 &
`;

const TEXT = { encoding: "utf8" } as const;

/** elf(5): where a program says for which processors it is, and how. */
const ELF_MACHINE_AT = 18;
const ELF_MACHINES = { x64: 62, arm64: 183 };

const LIMIT_MS = 900_000;

type Made = Versions & { readonly image: Image };

await inMachines(
  (folder): Made => {
    const versions = new Versions(folder);
    return { ...versions, image: imageOf(dirname(versions.this.deb)) };
  },
  tests,
  LIMIT_MS,
);

function tests(made: Made): void {
  for (const kind of ["deb", "rpm"] as const) {
    test(`the same sources make the same .${kind}, wherever and by whomever it is made`, () => {
      const sum = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
      assert.equal(sum(made.again[kind]), sum(made.this[kind]));
      assert.notEqual(sum(made.next[kind]), sum(made.this[kind]));
    });
  }

  describe("a release", () => {
    test("is refused while there are changes that are in no version, or are not committed", () => {
      assert.match(made.refused, /^release: there are changes that are not committed; .*CHANGELOG\.md/);
    });

    test("is not made where a test fails, or is skipped", () => {
      assert.deepEqual(made.untested, { status: 1, made: false });
    });

    test("has packages, a bill of materials and checksums, all of its version", () => {
      const sums = execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], {
        cwd: made.release,
        encoding: "utf8",
      });
      const bom = `${PACKAGE}-${NEXT_VERSION}.cdx.json`;
      const files = [basename(made.next.rpm), basename(made.next.deb), bom];
      assert.deepEqual(sums.trim().split("\n").sort(), files.map((name) => `${name}: OK`).sort());
      assert.deepEqual(readdirSync(made.release).sort(), [...files, "SHA256SUMS"].sort());
      const { component } = JSON.parse(readFileSync(join(made.release, bom), "utf8")).metadata;
      assert.equal(component.version, NEXT_VERSION);
    });
  });

  describe("packages for another kind of machine", () => {
    const { deb, rpm } = architecture(OTHER_KIND);

    test("say so, and differ in their node alone, and in the code caches that are left out", () => {
      assert.equal(execFileSync("dpkg-deb", ["--field", made.other.deb, "Architecture"], TEXT).trim(), deb);
      const field = ["--query", "--package", "--queryformat"];
      assert.equal(execFileSync("rpm", [...field, "%{ARCH}", made.other.rpm], TEXT), rpm);
      const inDeb = (file: string) =>
        execFileSync("dpkg-deb", ["--info", file, "md5sums"], TEXT).replaceAll("  ", " /").trim().split("\n");
      const inRpm = (file: string) =>
        execFileSync("rpm", [...field, "[%{FILEDIGESTS} %{FILENAMES}\n]", file], TEXT)
          .trim()
          .split("\n");
      for (const [kind, contents] of [
        ["deb", inDeb],
        ["rpm", inRpm],
      ] as const) {
        const [here, there] = [contents(made.next[kind]), contents(made.other[kind])];
        const paths = (lines: string[], others: string[]) =>
          lines.filter((line) => !others.includes(line)).map((line) => line.split(" ")[1]);
        const differ = [RUNTIME, `/usr/share/doc/${PACKAGE}/copyright`];
        assert.deepEqual(paths(there, here), differ);
        const caches = Object.keys(PROGRAMS).map((name) => `${LIBRARY}/${name}.cache`);
        assert.deepEqual(paths(here, there).sort(), [...differ, ...caches].sort());
      }
    });

    test("have the pinned node for it, without symbols", () => {
      run("dpkg-deb", "--extract", made.other.deb, "/media/other");
      const node = join("/media/other", RUNTIME);
      const header = readFileSync(node).subarray(0, 64);
      assert.equal(header.readUInt16LE(ELF_MACHINE_AT), ELF_MACHINES[OTHER_KIND]);
      const sections = execFileSync("readelf", ["--section-headers", "--wide", node], TEXT);
      assert.match(sections, /\.text\b/);
      assert.doesNotMatch(sections, /\.symtab\b/);
      const pinned = pinnedRuntime(architecture(OTHER_KIND));
      const notice = readFileSync(`/media/other/usr/share/doc/${PACKAGE}/copyright`, "utf8");
      assert.ok(notice.includes(`(node-linux-${OTHER_KIND} ${pinned.version})`));
    });
  });

  describe("on a clean system, the .deb", () => {
    const machine = new CleanMachine({ after });
    const exists = (path: string) => existsSync(join(machine.root, path));

    test("installs, and its programs run without any other node", () => {
      machine.dpkg("--install", made.this.deb);
      assert.equal(machine.run("sh", "-c", "command -v node").status, 127);
      assert.equal(machine.output("/sbin/mount.efs", "--version"), `mount.efs ${VERSION}\n`);
      assert.equal(machine.output(WATCHDOG, "--version"), `${WATCHDOG} ${VERSION}\n`);
      const [, node] = machine.output("efs-utils", "version").split("\n");
      assert.equal(node, `node ${pinnedRuntime().version} (${RUNTIME})`);
    });

    test("has what it needs, and everything is as it was packaged", () => {
      assert.equal(machine.output("dpkg", "--audit"), "");
      assert.equal(machine.output("dpkg", "--verify", PACKAGE), "");
      const libraries = machine.output("sh", "-c", `LD_TRACE_LOADED_OBJECTS=1 ${RUNTIME}`);
      assert.match(libraries, /libstdc\+\+/);
      assert.doesNotMatch(libraries, /not found/);
    });

    test("has code caches that its node takes", () => {
      const script = `
        const { readFileSync } = require("node:fs");
        const { compile, STAMP_LENGTH } = require("${LIBRARY}/launch.cjs");
        const [file, cache] = process.argv.slice(1);
        const cached = readFileSync(cache).subarray(STAMP_LENGTH);
        console.log(compile(readFileSync(file, "latin1"), file, cached).cachedDataRejected);`;
      for (const name of Object.keys(PROGRAMS)) {
        const program = `${LIBRARY}/${name}`;
        assert.equal(machine.output(RUNTIME, "-e", script, `${program}.cjs`, `${program}.cache`), "false\n");
      }
    });

    test("has its manual pages, completion, unit and notices where people look for them", () => {
      for (const { name, path } of PACKAGE_LAYOUT.manPages) {
        const page = gunzipSync(readFileSync(join(machine.root, `${path}.gz`))).toString();
        assert.equal(page, readFileSync(join(CHECKOUT, "man", name), "utf8"));
      }
      const complete = `. ${PACKAGE_LAYOUT.completion.path}; complete -p efs-utils`;
      assert.match(machine.output("bash", "-c", complete), /efs-utils$/m);
      assert.match(
        machine.read(PACKAGE_LAYOUT.unit.path),
        /^ExecStart=\/usr\/bin\/amazon-efs-mount-watchdog$/m,
      );
      assert.match(machine.read(`/usr/share/doc/${PACKAGE}/copyright`), /^MIT License$/m);
      const notices = gunzipSync(
        readFileSync(join(machine.root, `/usr/share/doc/${PACKAGE}/NODE-LICENSE.gz`)),
      );
      assert.match(notices.toString(), /^Node\.js is licensed for use as follows:$/m);
      const bundled = machine.output("cat", `/usr/share/doc/${PACKAGE}/THIRD-PARTY-LICENSES`);
      assert.equal(bundled, readFileSync(join(CHECKOUT, "THIRD-PARTY-LICENSES"), "utf8"));
    });

    test("says how shipped files that are gone get back, and its commands do it", () => {
      const findings = (): { finding: string; remedy?: string }[] =>
        JSON.parse(machine.run("efs-utils", "doctor", "--json").stdout).checks.flatMap(
          (check: { findings: unknown[] }) => check.findings,
        );
      const gone = () =>
        findings().filter(({ finding }) => /it is not there: every key|it cannot be read/.test(finding));
      const shipped = [CONFIG_FILE, CA_BUNDLE].map(({ name, path }) => ({
        path,
        text: machine.read(`${LIBRARY}/${name}`),
      }));
      for (const { path } of shipped) rmSync(join(machine.root, path));
      const remedies = gone().map(({ remedy = "" }) => remedy);
      assert.equal(remedies.length, shipped.length);
      for (const remedy of remedies) machine.output("sh", "-c", remedy.replace(/, or .*/, ""));
      assert.deepEqual(gone(), []);
      for (const { path, text } of shipped) assert.equal(machine.read(path), text);
    });

    test("leaves to the package manager what efs-utils install would change", () => {
      const { status, stderr } = machine.run("efs-utils", "install");
      assert.match(stderr, /^efs-utils: .*\/node is there: a package has installed all this; .*\n$/);
      assert.equal(status, 1);
    });

    test("is removed, and purged, to the last file", () => {
      const files = () => machine.output("find", "/etc", "/usr", "/sbin/", "/var/log", "-newer", "/before");
      machine.output("dpkg", "--force-unsafe-io", "--purge", PACKAGE);
      machine.write("/before", "");
      machine.dpkg("--install", made.this.deb);
      machine.write(KEY, "key");
      machine.write(LOG, "log");
      machine.dpkg("--remove", PACKAGE);
      assert.ok(exists(CONFIG) && exists(KEY) && exists(LOG));
      assert.ok(!exists("/sbin/mount.efs") && !exists(LIBRARY));
      machine.dpkg("--purge", PACKAGE);
      assert.doesNotMatch(files(), /amazon|efs/);
    });
  });

  describe("a changed configuration", () => {
    const change = (machine: CleanMachine) => machine.write(CONFIG, machine.read(CONFIG) + CHANGE);

    for (const [kind, install] of [
      ["deb", (machine: CleanMachine, { deb }: Packages) => machine.dpkg("--install", deb)],
      [
        "rpm",
        (machine: CleanMachine, { rpm }: Packages) => machine.rpm("-U", "--nodeps", "--oldpackage", rpm),
      ],
    ] as const) {
      test(`is kept by an upgrade and a downgrade of the .${kind}, with nobody to ask; an unchanged one is replaced`, (t) => {
        const machine = new CleanMachine(t);
        install(machine, made.this);
        install(machine, made.next);
        assert.match(machine.read(CONFIG), new RegExp(`^${NEXT_CONFIG_LINE}$`, "m"));
        change(machine);
        install(machine, made.this);
        assert.ok(machine.read(CONFIG).endsWith(CHANGE));
        install(machine, made.next);
        assert.ok(machine.read(CONFIG).endsWith(CHANGE));
        assert.equal(machine.output("mount.efs", "--version"), `mount.efs ${NEXT_VERSION}\n`);
      });
    }
  });

  describe("a mount in use", () => {
    /** Does each step and sees to it that the tunnel is the same, and works. */
    async function outlives(machine: CleanMachine, tunnel: Tunnel, steps: Record<string, () => void>) {
      for (const [name, step] of Object.entries(steps)) {
        step();
        assert.deepEqual(machine.tunnel(), tunnel, name);
        assert.ok(await listens(tunnel.port), name);
      }
    }

    /** Kills stunnel and waits for the next one. */
    async function recovers(machine: CleanMachine, { keeper, stunnel }: Tunnel) {
      process.kill(stunnel, "SIGKILL");
      const isBack = () => ![0, stunnel].includes(machine.tunnel().stunnel);
      await machine.until("stunnel is back", isBack);
      assert.equal(machine.tunnel().keeper, keeper);
    }

    test("is made with the .deb's programs, and outlives upgrade, downgrade, removal and purge", async (t) => {
      const machine = new CleanMachine(t);
      machine.dpkg("--install", made.this.deb);
      await machine.serve();
      const tunnel = machine.mount();
      assert.match(
        machine.read("/mount.nfs4.calls"),
        new RegExp(`^127\\.0\\.0\\.1:/ /mnt .*port=${tunnel.port}`),
      );
      const key = machine.read(KEY);
      await outlives(machine, tunnel, {
        upgrade: () => machine.dpkg("--install", made.next.deb),
        downgrade: () => machine.dpkg("--install", made.this.deb),
        removal: () => machine.dpkg("--remove", PACKAGE),
      });
      await recovers(machine, tunnel);
      const recovered = machine.tunnel();
      await outlives(machine, recovered, { purge: () => machine.dpkg("--purge", PACKAGE) });
      assert.equal(machine.read(KEY), key, "it needs its key");
    });

    test("outlives upgrade, downgrade and removal of the .rpm", async (t) => {
      const machine = new CleanMachine(t);
      machine.rpm("-i", "--nodeps", made.this.rpm);
      await machine.serve();
      await outlives(machine, machine.mount(), {
        upgrade: () => machine.rpm("-U", "--nodeps", made.next.rpm),
        downgrade: () => machine.rpm("-U", "--nodeps", "--oldpackage", made.this.rpm),
        removal: () => machine.rpm("-e", PACKAGE),
      });
      assert.equal(existsSync(join(machine.root, LIBRARY)), false);
      await recovers(machine, machine.tunnel());
    });

    test("keeps its debug log going when logrotate(8) turns it", async (t) => {
      const machine = new CleanMachine(t);
      machine.dpkg("--install", made.this.deb);
      machine.write(
        CONFIG,
        machine.read(CONFIG).replace(/^#?stunnel_debug_enabled = .*$/m, "stunnel_debug_enabled = true"),
      );
      await machine.serve();
      const { port } = machine.mount();
      const [log = ""] = machine.output("sh", "-c", "ls /var/log/amazon/efs/*.stunnel.log").split("\n");
      const before = machine.read(log);
      machine.output("logrotate", "--force", PACKAGE_LAYOUT.logRotation.path);
      assert.ok(await listens(port));
      await machine.until("stunnel writes on", () => machine.read(log).includes("accepted connection"));
      assert.doesNotMatch(machine.read(log), /\0/);
      assert.equal(machine.output("zcat", `${log}.1.gz`), before);
    });
  });

  describe("systemd", () => {
    const INSTALLED = ["daemon-reload", `--no-block try-restart ${WATCHDOG}`];
    for (const [kind, install, remove] of [
      [
        "deb",
        (machine: CleanMachine, { deb }: Packages) => machine.dpkg("--install", deb),
        (machine: CleanMachine) => machine.dpkg("--remove", PACKAGE),
      ],
      [
        "rpm",
        (machine: CleanMachine, { rpm }: Packages) => machine.rpm("-U", "--nodeps", rpm),
        (machine: CleanMachine) => machine.rpm("-e", PACKAGE),
      ],
    ] as const) {
      test(`hears of the .${kind}, and stops the watchdog only where no tunnel needs it`, (t) => {
        const machine = new CleanMachine(t);
        const systemd = machine.pretendSystemd();
        install(machine, made.this);
        assert.deepEqual(systemd.calls(), INSTALLED);
        install(machine, made.next);
        assert.deepEqual(systemd.calls(), INSTALLED, "upgraded");
        remove(machine);
        assert.deepEqual(systemd.calls(), [
          `--quiet disable ${WATCHDOG}`,
          `stop ${WATCHDOG}`,
          "daemon-reload",
        ]);
        install(machine, made.this);
        systemd.calls();
        machine.pretendTunnel();
        install(machine, made.next);
        assert.deepEqual(systemd.calls(), ["daemon-reload", `--no-block restart ${WATCHDOG}`]);
        remove(machine);
        assert.deepEqual(systemd.calls(), [`--quiet disable ${WATCHDOG}`, "daemon-reload"]);
      });
    }
  });

  for (const kind of ["deb", "rpm"] as const) {
    describe(`amazon-efs-utils and the .${kind}`, () => {
      const THEIRS: StandIn = {
        name: "amazon-efs-utils",
        version: "2.4.2",
        files: { [CONFIG]: "[mount]\n", "/usr/sbin/mount.efs": "#!/bin/false\n" },
      };
      const atLeast = (version: string) => (kind === "deb" ? `(>= ${version})` : `>= ${version}`);

      function system(t: Test) {
        const machine = new CleanMachine(t);
        const install = (file: string) => {
          if (kind === "deb") machine.dpkg("--install", file);
          else machine.rpm("-U", file);
        };
        const add = (standIn: StandIn) => install(makeStandIn(kind, "/media", standIn));
        if (kind === "rpm") add(RPM_SYSTEM);
        const isInstalled = (name: string) =>
          kind === "deb"
            ? /^Status: .* installed$/m.test(machine.run("dpkg-query", "--status", name).stdout)
            : spawnSync("rpm", ["--root", machine.root, "--query", name], { stdio: "ignore" }).status === 0;
        return { machine, install, add, isInstalled };
      }

      // where it is in the .deb, and in .rpms for systems on which /sbin is a link and for those on which it is not
      for (const place of ["/sbin/mount.efs", ...(kind === "rpm" ? ["/usr/sbin/mount.efs"] : [])]) {
        test(`it gives way at ${place}; what was changed in its configuration stays in force`, (t) => {
          const { machine, install, add, isInstalled } = system(t);
          add({ ...THEIRS, files: { [CONFIG]: "[mount]\n", [place]: "#!/bin/false\n" } });
          machine.write(CONFIG, `[mount]\n${CHANGE}`);
          for (const [{ [kind]: file }, version] of [
            [made.this, VERSION],
            [made.next, NEXT_VERSION],
          ] as const) {
            install(file);
            assert.equal(machine.output("mount.efs", "--version"), `mount.efs ${version}\n`);
            assert.equal(machine.read(CONFIG), `[mount]\n${CHANGE}`);
            assert.equal(isInstalled(THEIRS.name), false);
          }
        });
      }

      test("what needs it, also of a version, is content with ours, unless that version knows more", (t) => {
        const { install, add, isInstalled } = system(t);
        const { name } = THEIRS;
        add(THEIRS);
        add({ name: "needs-any", version: "1", needs: [name] });
        add({ name: "needs-old", version: "1", needs: [`${name} ${atLeast("1.31")}`] });
        install(made.this[kind]);
        add({ name: "needs-later", version: "1", needs: [`${name} ${atLeast("2.1.0")}`] });
        install(made.next[kind]);
        for (const other of ["needs-any", "needs-old", "needs-later", PACKAGE])
          assert.ok(isInstalled(other), other);
        assert.equal(isInstalled(name), false);
        const newest = { name: "needs-newest", version: "1", needs: [`${name} ${atLeast("3.0")}`] };
        assert.throws(() => add(newest), /amazon-efs-utils/);
      });

      test("tunnels whose watchdog goes with it get ours", (t) => {
        const { machine, install, add } = system(t);
        add({ ...THEIRS, beforeRemoval: `systemctl stop ${WATCHDOG}` });
        const systemd = machine.pretendSystemd();
        machine.pretendTunnel();
        install(made.this[kind]);
        assert.deepEqual(systemd.calls(), [
          `stop ${WATCHDOG}`,
          "daemon-reload",
          `--no-block restart ${WATCHDOG}`,
        ]);
      });
    });
  }

  describe("the image for containers, made by its recipe", () => {
    const GATE = "/sbin/mount.efs";
    const gate = readFileSync(join(CHECKOUT, "packaging/container/mount.efs"), "utf8");

    test("is a whole system with the package, and the gate for its mount.efs", (t) => {
      const machine = new CleanMachine(t, made.image.root);
      assert.equal(machine.output("dpkg", "--audit"), "");
      assert.equal(machine.output("cat", GATE), gate);
      assert.equal(machine.output(GATE, "--version"), `mount.efs ${VERSION}\n`);
      assert.deepEqual(readdirSync(join(machine.root, "tmp")), []);
      assert.deepEqual(readdirSync(join(machine.root, "var/lib/apt/lists")), []);
    });

    test("keeps its gate when the package in it is upgraded, and has none without the package", (t) => {
      const machine = new CleanMachine(t, made.image.root);
      machine.dpkg("--install", made.next.deb);
      assert.equal(machine.output("cat", GATE), gate);
      assert.equal(machine.output(GATE, "--version"), `mount.efs ${NEXT_VERSION}\n`);
      assert.equal(machine.output(`${GATE}.ungated`, "--version"), `mount.efs ${NEXT_VERSION}\n`);
      machine.dpkg("--remove", PACKAGE);
      assert.equal(machine.run("test", "-e", GATE).status, 1);
    });

    test("looks after mounts with a root that is only read; the next container takes them over", async (t) => {
      const machine = new CleanMachine(t, made.image.root);
      await machine.serve();
      machine.write("/usr/sbin/mount.nfs4", CONNECTING_MOUNT_NFS4, 0o755);
      machine.output("openssl", "genrsa", "-out", KEY, "3072");
      const kept = mkdtempSync("/media/kept-");
      const isKept = (path: string) => existsSync(join(kept, path));
      const first = new Container(t, machine, made.image, kept);
      await machine.until("the watchdog runs", () => isKept("/var/run/efs/watchdog.lock"));
      assert.deepEqual(first.main.argv, made.image.entrypoint);
      const children = processes().filter(({ parent }) => parent === first.main.pid);
      assert.deepEqual(
        children.map(({ argv: [name] }) => name),
        [WATCHDOG],
      );
      assert.match(first.run("touch", "/anything").stderr, /Read-only file system/);

      const { status, stderr } = first.run(...MOUNT);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
      assert.ok(isKept("/run/amazon-efs-mount-helper/gate/mounting.1.1"), "it went through the gate");
      const { port } = machine.tunnel();
      assert.match(readFileSync(join(kept, "/var/log/amazon/efs/mount.log"), "utf8"), /Successfully mounted/);

      assert.equal(await first.stop(), 0);
      assert.deepEqual(machine.tunnels(), []);
      const client = await connectedClient(t, port);
      const next = new Container(t, machine, made.image, kept);
      await machine.until("the tunnel is back", () => machine.tunnels().some(({ stunnel }) => stunnel !== 0));
      assert.equal(machine.tunnel().port, port);
      assert.ok(await listens(port));
      client.destroy();
      await machine.until("the tunnel ends with its use", () => machine.tunnels().length === 0);
      assert.equal(await next.stop(), 0);
      assert.deepEqual(readdirSync(join(kept, "/var/run/efs")), ["watchdog.lock"]);
    });
  });
}
