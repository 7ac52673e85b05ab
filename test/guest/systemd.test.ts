/**
 * The scenarios of test/guest/systemd/scenarios: guests whose process 1 is Debian's systemd, with the product's
 * lines in fstab. GUEST_ONLY and GUEST_VERBOSE as in guest.test.ts.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makePackages } from "../../packaging/package.ts";
import { CHECKOUT } from "../support/built.ts";
import { fstab, ordinaryLines, PACKAGES, THIRTY, unitOf } from "./systemd/machine.ts";
import { assertOrderlyShutdown, type Machine, runMachine, type Shutdown } from "./systemd/shutdown.ts";

const only = new RegExp(process.env.GUEST_ONLY ?? "");

const PACKAGE_SCENARIOS = [
  "a-package-comes-and-goes-and-mounts-stay",
  "amazon-efs-utils-gives-way-and-its-tunnels-are-watched",
];

/** In this order: the first ones look at what the boot has done, the last one unmounts everything. */
const ONE_LINE_OF_EACH_KIND = [
  "nofail-with-an-unreachable-server-does-not-hold-the-boot",
  "a-line-without-netdev-is-mounted-with-the-network",
  "an-fstab-line-is-mounted-at-boot",
  "the-watchdog-is-started-on-demand",
  "the-doctor-knows-the-boot",
  "tunnels-live-outside-the-units-that-made-them",
  "a-restarted-watchdog-leaves-tunnels-alone",
  "systemd-restarts-a-killed-watchdog",
  "a-hung-watchdog-is-replaced",
  "a-stopped-mount-unit-ends-its-tunnel",
  "remote-fs-target-stops-and-starts",
  "an-automount-mounts-on-access-and-goes-when-idle",
  "a-mount-made-in-a-service-outlives-the-service",
  "a-mount-made-in-a-scope-outlives-the-scope",
  "without-a-scope-a-tunnel-runs-in-its-unit",
  "the-unit-is-in-order",
  ...PACKAGE_SCENARIOS,
  "without-mounts-nothing-is-left",
];
const THIRTY_LINES = ["thirty-fstab-lines-are-mounted-at-once", "thirty-mounts-have-thirty-tunnels"];

test("under systemd", { timeout: 1_800_000, concurrency: true }, async (t) => {
  const shutdowns: Record<string, Shutdown> = {};
  const boot = async (t: TestContext, machine: Machine) => {
    const scenarios = machine.scenarios.filter((each) => only.test(each));
    if (scenarios.length > 0) shutdowns[machine.name] = await runMachine(t, { ...machine, scenarios });
  };
  // Side by side, as far as guests may run so.
  await Promise.all([
    t.test("with thirty lines", (t) =>
      boot(t, { name: "loaded", scenarios: THIRTY_LINES, fstab: () => fstab(THIRTY), memory: "2G" }),
    ),
    t.test("with a line of each kind", async (t) => {
      if (PACKAGE_SCENARIOS.some((name) => only.test(name))) await makePackages(join(CHECKOUT, PACKAGES));
      await boot(t, { name: "bare", scenarios: ONE_LINE_OF_EACH_KIND, fstab: ordinaryLines, memory: "2G" });
    }),
  ]);
  await t.test("a shutdown unmounts thirty mounts, whose tunnels last, then ends the watchdog", (t) => {
    const { bare, loaded } = shutdowns;
    if (bare === undefined || loaded === undefined) return t.skip("both have to run");
    t.diagnostic(`without mounts ${bare.seconds.toFixed(1)} s, with thirty ${loaded.seconds.toFixed(1)} s`);
    assertOrderlyShutdown(
      t,
      loaded,
      THIRTY.map(({ path }) => unitOf(path)),
    );
    assert.deepEqual(loaded.complaints, []);
  });
});
