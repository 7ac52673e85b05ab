import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { LOCAL_LAYOUT, PACKAGE, RUNTIME } from "../../../../src/app/install/layout.ts";
import { amazonEfsUtils, makeStandIn } from "../../../packages/stand-in.ts";
import { must } from "../../runner/command.ts";
import { foreignMount } from "../../runner/foreign-helper.ts";
import { CONFIGURATION, install } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { Tunnel } from "../../runner/tunnel.ts";
import { PACKAGES, WATCHDOG } from "../machine.ts";
import { isActive, MOUNT_UNIT, watchdogPid } from "../systemd.ts";

const [RECENT, OLDER] = ["/mnt/recent", "/mnt/older"];
/** What state files did not have once. */
const WITHOUT = ["mount_time", "mountpoint", "pid", "service_type"];
const AUTHORITIES = join(CONFIGURATION, "efs-utils.crt");
const KEPT = "/run/configuration-before";
const HOUR_MS = 3_600_000;
const LIMIT = { timeoutMs: 180_000 };
/** The guest forgets its disk, and no manual is looked up in it. */
const DPKG = ["--force-unsafe-io", "--force-depends", "--no-triggers"];

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first, second } = endpoint;
    const repository = process.env.REPOSITORY ?? "";
    const [deb = ""] = readdirSync(join(repository, PACKAGES)).filter((name) => name.endsWith(".deb"));
    cpSync(CONFIGURATION, KEPT, { recursive: true });
    await guest.ok("systemctl", ["stop", MOUNT_UNIT], LIMIT);
    await product.gone();
    await guest.ok("systemctl", ["stop", WATCHDOG], LIMIT);
    guest.onEnd(async () => {
      await must("dpkg", [...DPKG, "--purge", PACKAGE, "amazon-efs-utils"], LIMIT);
      await install(repository);
      rmSync(AUTHORITIES, { force: true });
      cpSync(KEPT, CONFIGURATION, { recursive: true });
      await must("systemctl", ["restart", WATCHDOG], LIMIT);
      await must("systemctl", ["start", MOUNT_UNIT], LIMIT);
    });

    rmSync(LOCAL_LAYOUT.unit.path);
    const theirs = makeStandIn("deb", "/run", amazonEfsUtils("deb", "/etc/systemd/system"));
    await guest.ok("dpkg", [...DPKG, "--force-confold", "--install", theirs], LIMIT);
    const configuration = readFileSync(join(CONFIGURATION, "efs-utils.conf"), "utf8");
    rmSync(AUTHORITIES);
    symlinkSync(join(KEPT, "efs-utils.crt"), AUTHORITIES);
    const certified = new Date(Date.now() - 2 * HOUR_MS);
    const pids = [
      await foreignMount(guest, { target: first, path: RECENT, port: 20150 }),
      await foreignMount(guest, { target: second, path: OLDER, port: 20151, without: WITHOUT, certified }),
    ];
    const tunnels = [new Tunnel(guest, 20150), new Tunnel(guest, 20151)];
    const certificates = () =>
      tunnels.map(({ directory }) => readFileSync(join(directory, "certificate.pem"), "utf8"));
    const [young, due] = certificates();
    const logged = product.watchdogLog.length;

    await guest.ok("dpkg", [...DPKG, "--install", join(repository, PACKAGES, deb)], LIMIT);
    await guest.eventually("the package's watchdog runs", () => isActive(guest, WATCHDOG), 60_000);
    assert.equal(readlinkSync(`/proc/${await watchdogPid(guest)}/exe`), RUNTIME);
    assert.equal(readFileSync(join(CONFIGURATION, "efs-utils.conf"), "utf8"), configuration);
    assert.equal(readlinkSync(AUTHORITIES), join(KEPT, "efs-utils.crt"));
    await guest.eventually(
      "it watches both",
      () => /Watching \S+: 2 tunnels, 2 of them running/.test(product.watchdogLog.slice(logged)),
      60_000,
    );
    await guest.eventually("the certificate that is due is renewed", () => certificates()[1] !== due, 60_000);
    assert.equal(certificates()[0], young, "the other one is not");
    assert.deepEqual(
      tunnels.map((tunnel) => tunnel.pid("stunnel")),
      pids,
      "healthy tunnels are not touched",
    );
    for (const path of [RECENT, OLDER]) {
      await guest.write(`${path}/hello`, path);
      assert.equal(await guest.read(`${path}/hello`), path);
    }
    for (const tunnel of tunnels) await tunnel.lose("stunnel");
    for (const path of [RECENT, OLDER]) {
      assert.equal(await guest.read(`${path}/hello`), path);
      await guest.umount(path);
    }
    await product.gone(60_000);
  },
  { limitMs: 240_000 },
);
