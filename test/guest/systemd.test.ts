/**
 * The scenarios of test/guest/systemd/scenarios: guests whose process 1 is Debian's systemd, with the product's
 * lines in fstab. GUEST_ONLY and GUEST_VERBOSE as in guest.test.ts.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { runUnderSystemd } from "./run-scenarios.ts";
import { reportScenarios, type SubtestOptions } from "./subtests.ts";
import { fstab, ORDINARY, THIRTY, WITHOUT_NETDEV } from "./systemd/machine.ts";

const only = new RegExp(process.env.GUEST_ONLY ?? "");

/** In this order: the first ones look at what the boot has done, the last one unmounts everything. */
const ONE_LINE_OF_EACH_KIND = [
  "nofail-with-an-unreachable-server-does-not-hold-the-boot",
  "an-fstab-line-is-mounted-at-boot",
  "the-watchdog-is-started-on-demand",
  "tunnels-live-outside-the-units-that-made-them",
  "a-restarted-watchdog-leaves-tunnels-alone",
  "systemd-restarts-a-killed-watchdog",
  "a-stopped-mount-unit-ends-its-tunnel",
  "remote-fs-target-stops-and-starts",
  "an-automount-mounts-on-access-and-goes-when-idle",
  "a-mount-made-in-a-service-outlives-the-service",
  "the-unit-is-in-order",
  "without-mounts-nothing-is-left",
];
const WITHOUT = ["a-line-without-netdev-does-not-hold-the-boot"];
const THIRTY_LINES = ["thirty-fstab-lines-are-mounted-at-once", "thirty-mounts-have-thirty-tunnels"];

/** What does not hold yet, and why. */
const TODO: SubtestOptions["todo"] = {
  "nofail-with-an-unreachable-server-does-not-hold-the-boot":
    "the log of an interrupted mount names neither file system nor mount point",
  "a-line-without-netdev-does-not-hold-the-boot":
    "for systemd a mount that succeeds and is not there has failed, and local-fs.target with it",
};

interface Machine {
  scenarios: string[];
  fstab: string[];
  memory?: string;
}

interface Shutdown {
  /** From `systemctl poweroff` to the guest's end. */
  seconds: number;
  /** What the console showed meanwhile. */
  console: string[];
}

/** Boots the machine, runs its scenarios and switches it off. */
async function run(t: TestContext, { scenarios: names, fstab, memory = "1G" }: Machine): Promise<Shutdown> {
  const timeoutMs = 240_000 + names.length * 60_000;
  const console: string[] = [];
  let poweroff: number | undefined;
  const { endedAt } = await reportScenarios(
    t,
    names,
    ({ onLine, onRecord }) => {
      const record: typeof onRecord = (each) => {
        if (each.type === "poweroff") poweroff = performance.now();
        onRecord(each);
      };
      const line = (text: string) => {
        if (poweroff !== undefined) console.push(text);
        onLine(text);
      };
      return runUnderSystemd(names, fstab, { timeoutMs, memory, onLine: line, onRecord: record });
    },
    { todo: TODO },
  );
  assert.ok(poweroff !== undefined);
  return { seconds: (endedAt - poweroff) / 1000, console };
}

test("under systemd", { timeout: 1_800_000 }, async (t) => {
  const shutdowns: Record<string, Shutdown> = {};
  const boot = (name: string, machine: Machine) => async (t: TestContext) => {
    const scenarios = machine.scenarios.filter((each) => only.test(each));
    if (scenarios.length > 0) shutdowns[name] = await run(t, { ...machine, scenarios });
  };
  await t.test(
    "with a line of each kind",
    boot("bare", { scenarios: ONE_LINE_OF_EACH_KIND, fstab: ORDINARY }),
  );
  await t.test("with a line without _netdev", boot("early", { scenarios: WITHOUT, fstab: WITHOUT_NETDEV }));
  await t.test(
    "with thirty lines",
    boot("loaded", { scenarios: THIRTY_LINES, fstab: fstab(THIRTY), memory: "2G" }),
  );
  await t.test("a shutdown with thirty mounts unmounts them in good order", (t) => {
    const { bare, loaded } = shutdowns;
    if (bare === undefined || loaded === undefined) return t.skip("both have to run");
    t.diagnostic(`without mounts ${bare.seconds.toFixed(1)} s, with thirty ${loaded.seconds.toFixed(1)} s`);
    for (const line of loaded.console) t.diagnostic(line);
    const trouble = loaded.console.filter((line) =>
      /timed out|Failed (un)?mounting|mnt-.*Failed/i.test(line),
    );
    assert.deepEqual(trouble, []);
    assert.ok(loaded.seconds < bare.seconds + 15);
  });
});
