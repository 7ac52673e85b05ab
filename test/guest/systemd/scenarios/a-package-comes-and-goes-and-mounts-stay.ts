import assert from "node:assert/strict";
import { cpSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LOCAL_LAYOUT, PACKAGE, RUNTIME } from "../../../../src/app/install/layout.ts";
import { must } from "../../runner/command.ts";
import { mount } from "../../runner/mounting.ts";
import { readProcess } from "../../runner/proc.ts";
import { CONFIGURATION, install, MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { PACKAGES, WATCHDOG } from "../machine.ts";
import { isActive, watchdogPid } from "../systemd.ts";

const PACKAGED = "/mnt/packaged";
const KEPT = "/run/configuration-before";
const LIMIT = { timeoutMs: 180_000 };
/** The guest forgets its disk, and no manual is looked up in it. */
const DPKG = ["--force-unsafe-io", "--force-depends", "--no-triggers"];

export default scenario(
  async (guest) => {
    const { product } = guest;
    const repository = process.env.REPOSITORY ?? "";
    const [deb = ""] = readdirSync(join(repository, PACKAGES)).filter((name) => name.endsWith(".deb"));
    const tunnels = () => product.tunnelProcesses().map(({ pid }) => pid);
    const before = tunnels();
    cpSync(CONFIGURATION, KEPT, { recursive: true });
    guest.onEnd(async () => {
      await must("dpkg", ["--purge", PACKAGE], LIMIT);
      await install(repository);
      cpSync(KEPT, CONFIGURATION, { recursive: true });
      // unlike an installation, this waits until it is ready
      await must("systemctl", ["restart", WATCHDOG], LIMIT);
    });
    // as where nothing but the package was ever installed
    rmSync(LOCAL_LAYOUT.unit.path);
    const writer = guest.writer(`${MOUNT_POINT}/records`);
    await guest.eventually("the writer writes", async () => (await writer.mark()).total > 20);

    /** Runs dpkg, after which the mount works with the same tunnel. */
    const dpkg = async (what: string, ...args: string[]) => {
      await guest.ok("dpkg", [...DPKG, ...args], LIMIT);
      await guest.write(`${MOUNT_POINT}/hello`, what);
      assert.deepEqual(tunnels(), before, what);
      const { longestGapMs } = await writer.mark();
      guest.figure(`${what}: the writer's longest wait ${longestGapMs.toFixed(0)} ms`);
    };

    // it takes over from an installation of another kind, as from an earlier version
    const replaced = await watchdogPid(guest);
    await dpkg("installed", "--install", join(repository, PACKAGES, deb));
    const isReplaced = async () =>
      (await isActive(guest, WATCHDOG)) && (await watchdogPid(guest)) !== replaced;
    await guest.eventually("the package's watchdog runs", isReplaced, 60_000);
    const watchdog = await watchdogPid(guest);
    assert.equal(readlinkSync(`/proc/${watchdog}/exe`), RUNTIME);
    // a mount of its own, by the node that it brings; the authorities are the test's again
    cpSync(join(KEPT, "efs-utils.crt"), join(CONFIGURATION, "efs-utils.crt"));
    const { seconds } = await mount(guest, "fs-87654321:/d03", "tls", { path: PACKAGED });
    guest.figure(`the package's mount took ${seconds.toFixed(1)} s`);
    assert.equal(await guest.read(`${PACKAGED}/name`), "fs-87654321/d03");
    await guest.umount(PACKAGED);
    await guest.eventually("its tunnel is gone", () => tunnels().length === before.length, 60_000);
    await dpkg("removed", "--remove", PACKAGE);
    await dpkg("purged", "--purge", PACKAGE);
    assert.notEqual(readProcess(watchdog), undefined, "with tunnels in use, the watchdog stays");
    await writer.finish();
  },
  { limitMs: 240_000 },
);
