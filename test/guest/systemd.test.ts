/**
 * The scenarios of test/guest/systemd/scenarios: guests whose process 1 is Debian's systemd, with the product's
 * lines in fstab. GUEST_ONLY and GUEST_VERBOSE as in guest.test.ts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makePackages } from "../../packaging/package.ts";
import { CHECKOUT } from "../bin/built.ts";
import { runUnderSystemd } from "./run-scenarios.ts";
import { type Hooks, reportScenarios } from "./subtests.ts";
import { fstab, ORDINARY, PACKAGES, properties, THIRTY, WATCHDOG } from "./systemd/machine.ts";

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

interface Machine {
  name: string;
  scenarios: string[];
  /** The lines of its fstab, for the scenarios that are run. */
  fstab: (scenarios: string[]) => string[];
  memory?: string;
}

interface Tunnels {
  /** The control group of each one's stunnel, by port. */
  groups: Map<string, string>;
  /** At one time after the other: the ports of the tunnels that ran, and then of the mounts that were there. */
  looks: { running: string[]; mounted: string[] }[];
}

function parseTunnels(text: string): Tunnels {
  const words = (list: string | undefined) => (list ?? "").split(" ").filter((word) => word !== "");
  return {
    groups: new Map(
      [...text.matchAll(/^(\d+) .*:(\/.*)$/gm)].map(([, port = "", group = ""]) => [port, group]),
    ),
    looks: [...text.matchAll(/^running:(.*) mounted:(.*)$/gm)].map(([, running, mounted]) => ({
      running: words(running),
      mounted: words(mounted),
    })),
  };
}

interface Shutdown {
  /** From `systemctl poweroff` to the guest's end. */
  seconds: number;
  /** What the console showed meanwhile. */
  console: string[];
  /** What guest-tunnels.service saw from before the shutdown until everything was unmounted. */
  tunnels: Tunnels;
  /** NFS mounts that were there when the watchdog had ended. */
  mounts: string;
  /** What systemd said of each unit then. */
  units: Record<string, string>[];
  /** What the watchdog complained about in its whole life. */
  complaints: string[];
}

function ordinaryLines(scenarios: string[]): string[] {
  const wanted = ORDINARY.filter(({ onlyFor }) => onlyFor === undefined || scenarios.includes(onlyFor));
  return wanted.map(({ line }) => line);
}

/** Boots the machine, runs its scenarios and switches it off. */
async function run(
  t: TestContext,
  { name, scenarios: names, fstab, memory = "1G" }: Machine,
): Promise<Shutdown> {
  const timeoutMs = 600_000 + names.length * 60_000;
  const console: string[] = [];
  let poweroff: number | undefined;
  const boot = ({ onLine, onRecord, signal }: Hooks) => {
    const record: typeof onRecord = (each) => {
      if (each.type === "poweroff") poweroff = performance.now();
      onRecord(each);
    };
    const line = (text: string) => {
      if (poweroff !== undefined) console.push(text);
      onLine(text);
    };
    const hooks = { signal, onLine: line, onRecord: record };
    return runUnderSystemd(names, fstab(names), { name: `systemd-${name}`, timeoutMs, memory, ...hooks });
  };
  const [guest] = await reportScenarios(t, names, [boot]);
  assert.ok(poweroff !== undefined && guest !== undefined);
  const { endedAt, results } = guest;
  const left = (name: string) => readFileSync(join(results, name), "utf8");
  return {
    seconds: (endedAt - poweroff) / 1000,
    console,
    tunnels: parseTunnels(left("witness-tunnels.txt")),
    mounts: left("witness-mounts.txt"),
    units: left("witness-units.txt").trim().split("\n\n").map(properties),
    complaints: left("logs/mount-watchdog.log")
      .split("\n")
      .filter((line) => / - (WARNING|ERROR|CRITICAL) - /.test(line)),
  };
}

test("under systemd", { timeout: 1_800_000, concurrency: true }, async (t) => {
  const shutdowns: Record<string, Shutdown> = {};
  const boot = async (t: TestContext, machine: Machine) => {
    const scenarios = machine.scenarios.filter((each) => only.test(each));
    if (scenarios.length > 0) shutdowns[machine.name] = await run(t, { ...machine, scenarios });
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
    for (const line of loaded.console) t.diagnostic(line);
    assert.equal(loaded.mounts, "", "nothing is mounted any more");
    const { groups, looks } = loaded.tunnels;
    assert.equal(groups.size, THIRTY.length);
    for (const group of groups.values()) assert.match(group, /\/run-\w+\.scope$/);
    assert.equal(looks[0]?.mounted.length, THIRTY.length, "it saw the shutdown from its beginning");
    assert.deepEqual(looks.at(-1)?.mounted, []);
    for (const { running, mounted } of looks)
      assert.deepEqual(
        mounted.filter((port) => !running.includes(port)),
        [],
        "mounts without a tunnel",
      );
    t.diagnostic(`${looks.length} looks at tunnels and mounts`);
    const watchdog = loaded.units.find(({ Id }) => Id === WATCHDOG);
    const mounts = loaded.units.filter(({ Id }) => Id?.startsWith("mnt-many-"));
    assert.equal(mounts.length, THIRTY.length);
    const time = (unit: Record<string, string> | undefined, change: string) =>
      Number(unit?.[`${change}TimestampMonotonic`]) / 1e6;
    const unmounted = mounts.map((unit) => time(unit, "InactiveEnter"));
    const first = Math.min(...mounts.map((unit) => time(unit, "ActiveExit")));
    const last = Math.max(...unmounted);
    t.diagnostic(
      `the mounts went within ${(last - first).toFixed(1)} s, the watchdog was stopped ` +
        `${(time(watchdog, "ActiveExit") - last).toFixed(1)} s after the last one`,
    );
    assert.ok(unmounted.every((seconds) => seconds >= first));
    assert.ok(time(watchdog, "ActiveExit") >= last, "the watchdog goes after the last mount");
    for (const { Id, Result } of [...mounts, watchdog ?? {}]) assert.equal(Result, "success", Id);
    assert.deepEqual(loaded.complaints, []);
    const trouble = loaded.console.filter((line) =>
      /timed out|Failed (un)?mounting|mnt-.*Failed/i.test(line),
    );
    assert.deepEqual(trouble, []);
    assert.ok(loaded.seconds < 90, "systemd has not waited for something until its limit");
  });
});
