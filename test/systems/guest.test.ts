/**
 * Scenarios of test/guest on systems of other releases: guests with this machine's kernel that have a suite's root as
 * their own. GUEST_ONLY, GUEST_LANES and GUEST_VERBOSE as in test/guest/guest.test.ts.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { runScenarios } from "../guest/run-scenarios.ts";
import { type Hooks, reportScenarios } from "../guest/subtests.ts";
import { ordinaryLines } from "../guest/systemd/machine.ts";
import { assertOrderlyShutdown, runMachine } from "../guest/systemd/shutdown.ts";
import { MOUNT_UNIT } from "../guest/systemd/systemd.ts";
import { type Suite, systemRoot } from "./root.ts";

/** What the product needs, what serves it in the guest, and what scenarios look at it with. */
const PACKAGES = [
  ...[
    "stunnel4",
    "nfs-common",
    "mount",
    "util-linux",
    "systemd",
    "systemd-sysv",
    "ca-certificates",
    "logrotate",
  ],
  ...["nfs-kernel-server", "openssl", "iproute2", "kmod", "busybox-static", "procps", "strace"],
];

const SCENARIOS = [
  "the-guides-command-mounts-over-tls",
  "an-fstab-line-mounts-by-mount-point",
  "mount-all-mounts-fstab-lines",
  "the-mount-table-shows-the-guides-line",
  "mounting-the-same-again-is-success",
  "a-remount-keeps-the-tunnel",
  "a-killed-tunnel-loses-nothing",
  "a-mount-without-tls-needs-no-tunnel",
  "a-revoked-certificate-is-refused",
  "an-unreachable-responder-is-refused",
  "a-wrong-host-name-is-refused",
  "umount-ends-the-tunnel",
];

/** In this order: the first ones look at what the boot has done. */
const UNDER_SYSTEMD = [
  "a-line-without-netdev-is-mounted-with-the-network",
  "an-fstab-line-is-mounted-at-boot",
  "the-watchdog-is-started-on-demand",
  "tunnels-live-outside-the-units-that-made-them",
  "systemd-restarts-a-killed-watchdog",
  "a-hung-watchdog-is-replaced",
  "a-stopped-mount-unit-ends-its-tunnel",
  "an-automount-mounts-on-access-and-goes-when-idle",
  "a-mount-made-in-a-service-outlives-the-service",
  "a-mount-made-in-a-scope-outlives-the-scope",
  "the-unit-is-in-order",
];

interface System {
  suite: Suite;
  /** Package → how its version begins. */
  versions: Record<string, string>;
  scenarios: string[];
  underSystemd: string[];
}

const SYSTEMS: System[] = [
  {
    suite: "bullseye",
    versions: {
      stunnel4: "3:5.56",
      openssl: "1.1.1",
      "nfs-common": "1:1.3.4",
      mount: "2.36",
      systemd: "247",
    },
    scenarios: SCENARIOS,
    underSystemd: UNDER_SYSTEMD,
  },
  {
    suite: "trixie",
    versions: { stunnel4: "3:5.74", openssl: "3.5", "nfs-common": "1:2.8", mount: "2.41", systemd: "257" },
    scenarios: SCENARIOS,
    underSystemd: UNDER_SYSTEMD,
  },
];

const only = new RegExp(process.env.GUEST_ONLY ?? "");

function assertVersions(root: string, versions: System["versions"]): void {
  for (const [name, wanted] of Object.entries(versions)) {
    const query = [`--admindir=${root}/var/lib/dpkg`, "--show", name];
    const [, version = ""] = execFileSync("dpkg-query", query, { encoding: "utf8" }).trim().split("\t");
    assert.ok(version.startsWith(wanted), `${name} ${version}`);
  }
}

async function bootUnderSystemd(
  t: TestContext,
  { suite, underSystemd }: System,
  root: string,
): Promise<void> {
  const scenarios = underSystemd.filter((name) => only.test(name));
  if (scenarios.length === 0) return t.skip("none was picked");
  const machine = { name: suite, root, scenarios, fstab: ordinaryLines };
  const shutdown = await runMachine(t, machine);
  await t.test("a shutdown unmounts, while the tunnel lasts, then ends the watchdog", (t) => {
    assertOrderlyShutdown(t, shutdown, [MOUNT_UNIT]);
  });
}

async function bootPlain(t: TestContext, { suite, scenarios }: System, root: string): Promise<void> {
  const names = scenarios.filter((name) => only.test(name));
  if (names.length === 0) return t.skip("none was picked");
  const timeoutMs = (names.length + 1) * 300_000;
  const boot = (hooks: Hooks) => runScenarios(names, { name: suite, root, timeoutMs, ...hooks });
  await reportScenarios(t, names, [boot]);
}

for (const system of SYSTEMS) {
  test(system.suite, { concurrency: true }, async (t) => {
    const root = systemRoot(system.suite, PACKAGES);
    assertVersions(root, system.versions);
    await Promise.all([
      t.test("under systemd", (t) => bootUnderSystemd(t, system, root)),
      t.test("with mounts by hand", (t) => bootPlain(t, system, root)),
    ]);
  });
}
