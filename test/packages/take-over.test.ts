/** How a package of ours takes the place of amazon-efs-utils with nobody there to ask, and gives it back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { LIBRARY, PACKAGE, PACKAGE_LAYOUT } from "../../src/app/install/layout.ts";
import { spawnWithTest, type Test } from "../support/authority.ts";
import { CHECKOUT, VERSION } from "../support/built.ts";
import { freePort } from "../support/watchdog-rig.ts";
import { AMAZON_VERSIONS, amazonConfiguration } from "./amazon-configuration.ts";
import { AMAZON_STATES, tunnelConfiguration } from "./amazon-tunnel.ts";
import {
  CleanMachine,
  FILE_SYSTEM,
  listens,
  MOUNT_AS_CONFIGURED,
  SILENT_RESPONDER,
} from "./clean-machine.ts";
import { connectedClient } from "./container.ts";
import { inMachines } from "./in-machines.ts";
import { amazonEfsUtils, type Kind, makeStandIn, RPM_SYSTEM, type StandIn, UNIT_PLACES } from "./stand-in.ts";
import { makePackages, type Packages } from "./versions.ts";

const FOLDER = "/etc/amazon/efs";
const CONFIG = `${FOLDER}/efs-utils.conf`;
const AUTHORITIES = `${FOLDER}/efs-utils.crt`;
const KEY = `${FOLDER}/privateKey.pem`;
const LOG = "/var/log/amazon/efs/mount.log";
const CHANGED = "[mount]\nregion = us-east-1\n";
const OWN_AUTHORITIES = "/etc/ssl/own.pem";
const WATCHDOG = "amazon-efs-mount-watchdog";
const LIMIT_MS = 900_000;

await inMachines((folder) => makePackages(CHECKOUT, folder), tests, LIMIT_MS);

/** A machine of people who use packages of one kind. */
class Machine extends CleanMachine {
  readonly kind: Kind;
  readonly ours: string;

  constructor(t: Test, kind: Kind, made: Packages) {
    super(t);
    this.kind = kind;
    this.ours = made[kind];
    if (kind === "rpm") this.add(RPM_SYSTEM);
  }

  add(standIn: StandIn): void {
    this.install(makeStandIn(this.kind, "/media", standIn));
  }

  /** Installs a package's file; the same one again is an upgrade. */
  install(file = this.ours, ...options: string[]): void {
    if (this.kind === "deb") this.dpkg("--install", file, ...options);
    else this.rpm("-U", "--replacepkgs", file);
  }

  remove(name: string): void {
    if (this.kind === "deb") this.dpkg("--remove", name);
    else this.rpm("-e", name);
  }

  isInstalled(name: string): boolean {
    if (this.kind === "rpm")
      return spawnSync("rpm", ["--root", this.root, "--query", name], { stdio: "ignore" }).status === 0;
    return /^Status: .* installed$/m.test(this.run("dpkg-query", "--status", name).stdout);
  }

  exists(path: string): boolean {
    return lstatSync(join(this.root, path), { throwIfNoEntry: false }) !== undefined;
  }

  /** Has the authorities be a link to some of the administrator's own. */
  linkAuthorities(): void {
    this.write(OWN_AUTHORITIES, "own authorities\n");
    unlinkSync(join(this.root, AUTHORITIES));
    symlinkSync(OWN_AUTHORITIES, join(this.root, AUTHORITIES));
  }

  /** Our package is there as it was made, but for what the administrator has. */
  assertInPlace(configuration: string): void {
    assert.equal(this.output("mount.efs", "--version"), `mount.efs ${VERSION}\n`);
    assert.equal(this.isInstalled("amazon-efs-utils"), false);
    assert.equal(this.read(CONFIG), configuration);
    assert.equal(this.read(AUTHORITIES), this.read(`${LIBRARY}/efs-utils.crt`));
    assert.deepEqual(
      readdirSync(join(this.root, FOLDER)).filter(
        (name) => !/^(efs-utils\.(conf|conf\.rpmnew|crt)|privateKey\.pem)$/.test(name),
      ),
      [],
    );
    if (this.kind === "deb") assert.equal(this.output("dpkg", "--audit"), "");
  }
}

function tests(made: Packages): void {
  describe("with nobody to ask, amazon-efs-utils gives way to the .deb", () => {
    for (const place of UNIT_PLACES) {
      test(`and its changed configuration stays; authorities and unit (${place}) are ours`, (t) => {
        const machine = new Machine(t, "deb", made);
        machine.pretendSystemd();
        machine.add(amazonEfsUtils("deb", place));
        machine.write(CONFIG, CHANGED);
        machine.install();
        machine.assertInPlace(CHANGED);
        assert.ok(!machine.exists(`/etc/systemd/system/${WATCHDOG}.service`));
        assert.match(machine.read(PACKAGE_LAYOUT.unit.path), /^ExecStart=\/usr\/bin\/amazon/m);
        machine.dpkg("--purge", "amazon-efs-utils");
        machine.assertInPlace(CHANGED);
      });
    }

    test("where apt does it", (t) => {
      const machine = new Machine(t, "deb", made);
      machine.add(amazonEfsUtils("deb", "/etc/systemd/system"));
      machine.write(CONFIG, CHANGED);
      const folder = "/var/tmp";
      machine.output("mv", machine.take(machine.ours), folder);
      machine.output(
        "apt-get",
        "--yes",
        "--no-install-recommends",
        "install",
        join(folder, basename(machine.ours)),
      );
      machine.assertInPlace(CHANGED);
    });

    test("also when it was removed before, and then purged", (t) => {
      const machine = new Machine(t, "deb", made);
      machine.add(amazonEfsUtils("deb", "/etc/systemd/system"));
      machine.write(CONFIG, CHANGED);
      machine.remove("amazon-efs-utils");
      machine.install();
      machine.assertInPlace(CHANGED);
      machine.dpkg("--purge", "amazon-efs-utils");
      machine.assertInPlace(CHANGED);
    });

    test("which puts back what it has changed when its installation fails", (t) => {
      const machine = new Machine(t, "deb", made);
      machine.add(amazonEfsUtils("deb", "/etc/systemd/system"));
      machine.write(CONFIG, CHANGED);
      machine.linkAuthorities();
      machine.add({ name: "in-the-way", version: "1", files: { "/usr/bin/efs-utils": "" } });
      assert.throws(() => machine.install(), /trying to overwrite/);
      assert.ok(machine.isInstalled("amazon-efs-utils"));
      assert.equal(machine.read(CONFIG), CHANGED);
      assert.equal(readlinkSync(join(machine.root, AUTHORITIES)), OWN_AUTHORITIES);
      assert.deepEqual(readdirSync(join(machine.root, FOLDER)), ["efs-utils.conf", "efs-utils.crt"]);
    });
  });

  for (const [what, text] of [
    ["as it was shipped is replaced", ""],
    ["that was changed stays", CHANGED],
  ] as const) {
    test(`a configuration ${what} when an earlier .deb was removed and a later one is installed`, (t) => {
      const machine = new Machine(t, "deb", made);
      machine.add({ name: PACKAGE, version: "0.0.1", files: { [CONFIG]: "[mount]\n" } });
      if (text !== "") machine.write(CONFIG, text);
      machine.remove(PACKAGE);
      machine.install();
      machine.assertInPlace(text === "" ? machine.read(`${LIBRARY}/efs-utils.conf`) : text);
    });
  }

  test("amazon-efs-utils gives way with its configuration where an earlier .deb was removed before it came", (t) => {
    const machine = new Machine(t, "deb", made);
    machine.add({ name: PACKAGE, version: "0.0.1", files: { [CONFIG]: "[mount]\n" } });
    machine.remove(PACKAGE);
    const theirs = amazonEfsUtils("deb", "/etc/systemd/system");
    machine.install(makeStandIn("deb", "/media", theirs), "--force-confnew");
    const configuration = theirs.files?.[CONFIG] ?? "";
    assert.equal(machine.read(CONFIG), configuration);
    machine.install();
    machine.assertInPlace(configuration);
  });

  for (const [version, state] of Object.entries(AMAZON_STATES)) {
    test(`a tunnel that amazon-efs-utils ${version} has left is brought back by our watchdog`, async (t) => {
      const machine = new Machine(t, "deb", made);
      machine.add(amazonEfsUtils("deb"));
      await machine.serve();
      const port = await freePort();
      const name = `${FILE_SYSTEM}.mnt.${port}`;
      const config = `/run/efs/stunnel-config.${name}`;
      machine.output("mkdir", "-p", `/run/efs/${name}+`);
      machine.write(config, tunnelConfiguration(port, `/run/efs/${name}+`));
      machine.write(`/run/efs/${name}`, JSON.stringify(state(config)));
      await connectedClient(t, port);
      machine.install();
      spawnWithTest(t, "chroot", [machine.root, WATCHDOG]);
      await machine.until("the tunnel is back", () => machine.tunnels().some(({ stunnel }) => stunnel !== 0));
      assert.equal(machine.tunnel().port, port);
      assert.ok(await listens(port));
    });
  }

  test("a configuration that nobody's package knows stays when the .deb is installed", (t) => {
    const machine = new Machine(t, "deb", made);
    machine.output("mkdir", "-p", FOLDER);
    machine.write(CONFIG, CHANGED);
    machine.write(AUTHORITIES, "authorities of another time\n");
    machine.install();
    machine.assertInPlace(CHANGED);
  });

  for (const kind of ["deb", "rpm"] as const) {
    /** A machine with systemd, amazon-efs-utils, and a configuration that was changed. */
    const before = (t: Test) => {
      const machine = new Machine(t, kind, made);
      const systemd = machine.pretendSystemd();
      machine.add(amazonEfsUtils(kind, "/usr/lib/systemd/system"));
      machine.write(CONFIG, CHANGED);
      systemd.calls();
      return { machine, systemd };
    };
    const aboutWatchdog = (calls: readonly string[]) => calls.filter((call) => call.includes(WATCHDOG));

    describe(`the .${kind}`, () => {
      for (const version of AMAZON_VERSIONS) {
        test(`keeps the configuration of amazon-efs-utils ${version} as it was shipped, and gives it back`, (t) => {
          const machine = new Machine(t, kind, made);
          machine.pretendSystemd();
          const theirs = makeStandIn(kind, "/media", amazonEfsUtils(kind, UNIT_PLACES[1], version));
          const shipped = amazonConfiguration(version);
          machine.install(theirs);
          machine.install();
          machine.assertInPlace(shipped);
          machine.install();
          machine.assertInPlace(shipped);
          machine.remove(PACKAGE);
          machine.install(theirs);
          assert.equal(machine.output("mount.efs"), "theirs\n");
          assert.equal(machine.read(CONFIG), shipped);
        });
      }

      test("checks for revocation on a machine that never had amazon-efs-utils", async (t) => {
        const machine = new Machine(t, kind, made);
        machine.install();
        machine.assertInPlace(machine.read(`${LIBRARY}/efs-utils.conf`));
        await machine.serve(SILENT_RESPONDER);
        const { status, stderr } = machine.run(...MOUNT_AS_CONFIGURED);
        assert.match(stderr, /OCSP responder/);
        assert.equal(status, 32);
      });

      test("mounts as before where amazon-efs-utils checked for no revocation, and no responder is reached", async (t) => {
        const machine = new Machine(t, kind, made);
        machine.pretendSystemd();
        machine.add(amazonEfsUtils(kind));
        machine.install();
        // the mount's tunnel is to get no scope, of which this systemd knows nothing
        rmSync(join(machine.root, "run/systemd"), { recursive: true });
        await machine.serve(SILENT_RESPONDER);
        machine.output(...MOUNT_AS_CONFIGURED);
        assert.ok(machine.tunnel().stunnel > 0);
      });

      test("starts the watchdog that amazon-efs-utils has stopped, where there are tunnels", (t) => {
        const { machine, systemd } = before(t);
        machine.pretendTunnel();
        machine.install();
        machine.assertInPlace(CHANGED);
        const calls = aboutWatchdog(systemd.calls());
        assert.match(calls.at(-2) ?? "", /stop|disable --now/);
        assert.equal(calls.at(-1), `--no-block restart ${WATCHDOG}`);
      });

      test("starts none where there are none", (t) => {
        const { machine, systemd } = before(t);
        machine.install();
        const calls = aboutWatchdog(systemd.calls());
        assert.equal(calls.at(-1), `--no-block try-restart ${WATCHDOG}`);
      });

      test("is installed, upgraded and removed also where systemctl fails", (t) => {
        const machine = new Machine(t, kind, made);
        const systemd = machine.pretendSystemd(1);
        for (const tunnel of [false, true]) {
          if (tunnel) machine.pretendTunnel();
          machine.install();
          machine.install();
          machine.assertInPlace(machine.read(`${LIBRARY}/efs-utils.conf`));
          machine.remove(PACKAGE);
          assert.ok(!machine.isInstalled(PACKAGE) && !machine.exists(LIBRARY));
        }
        if (kind === "deb") machine.dpkg("--purge", PACKAGE);
        assert.notDeepEqual(systemd.calls(), []);
      });

      test("has its own authorities after an upgrade, whatever was written into them", (t) => {
        const machine = new Machine(t, kind, made);
        machine.install();
        machine.write(AUTHORITIES, "authorities of another time\n");
        machine.install();
        machine.assertInPlace(machine.read(`${LIBRARY}/efs-utils.conf`));
      });

      test("leaves authorities that are a link, when it comes, is upgraded, and goes", (t) => {
        const { machine } = before(t);
        const link = () => readlinkSync(join(machine.root, AUTHORITIES));
        machine.linkAuthorities();
        machine.install();
        assert.equal(link(), OWN_AUTHORITIES, "installed");
        machine.install();
        assert.equal(link(), OWN_AUTHORITIES, "upgraded");
        machine.remove(PACKAGE);
        assert.equal(link(), OWN_AUTHORITIES, "removed");
        machine.install();
        assert.equal(link(), OWN_AUTHORITIES, "installed again");
        assert.equal(machine.read(OWN_AUTHORITIES), "own authorities\n");
        assert.deepEqual(
          readdirSync(join(machine.root, FOLDER)).filter((name) => name.endsWith(".kept")),
          [],
        );
      });

      test("leaves their authorities to tunnels in use when it is removed", (t) => {
        const machine = new Machine(t, kind, made);
        machine.install();
        const authorities = machine.read(AUTHORITIES);
        machine.pretendTunnel();
        machine.remove(PACKAGE);
        assert.equal(machine.read(AUTHORITIES), authorities);
        machine.install();
        machine.assertInPlace(machine.read(CONFIG));
      });

      test("gives back its place, after its removal, with configuration, key and logs", (t) => {
        const { machine, systemd } = before(t);
        const theirs = makeStandIn(kind, "/media", amazonEfsUtils(kind, "/usr/lib/systemd/system"));
        machine.install();
        machine.write(KEY, "key");
        machine.write(LOG, "log");
        assert.throws(() => machine.install(theirs), /conflict/);
        machine.assertInPlace(CHANGED);
        machine.remove(PACKAGE);
        // their configuration is changed, and not as they ship it
        machine.install(theirs, ...(kind === "deb" ? ["--force-confold"] : []));
        assert.ok(machine.isInstalled("amazon-efs-utils") && !machine.isInstalled(PACKAGE));
        assert.equal(machine.output("mount.efs"), "theirs\n");
        assert.equal(machine.read(AUTHORITIES), "authorities of another time\n");
        if (kind === "deb") machine.dpkg("--purge", PACKAGE);
        assert.equal(machine.read(kind === "deb" ? CONFIG : `${CONFIG}.rpmsave`), CHANGED);
        assert.equal(machine.read(KEY), "key");
        assert.equal(machine.read(LOG), "log");
        assert.ok(machine.exists(AUTHORITIES));
        systemd.calls();
        machine.install();
        assert.equal(machine.output("mount.efs", "--version"), `mount.efs ${VERSION}\n`);
      });
    });
  }

  test("the .rpm leaves the key, logs and a changed configuration when it is removed, and nothing else", (t) => {
    const machine = new Machine(t, "rpm", made);
    const files = () =>
      machine
        .output("find", "/etc", "/usr", "/sbin/", "/var", "-newer", "/before", "!", "-type", "d")
        .split("\n");
    machine.write("/before", "");
    machine.install();
    machine.write(CONFIG, CHANGED);
    machine.write(KEY, "key");
    machine.write(LOG, "log");
    machine.remove(PACKAGE);
    assert.deepEqual(
      files()
        .filter((path) => !path.startsWith("/var/lib/rpm/"))
        .sort(),
      ["", `${CONFIG}.rpmsave`, KEY, LOG],
    );
    for (const path of [LIBRARY, `/usr/share/doc/${PACKAGE}`])
      assert.ok(!existsSync(join(machine.root, path)));
  });
}
