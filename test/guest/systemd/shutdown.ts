/** Boots a guest whose process 1 is systemd, runs scenarios in it, and looks at how it is switched off. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { runUnderSystemd } from "../run-scenarios.ts";
import { type Hooks, reportScenarios } from "../subtests.ts";
import { properties, WATCHDOG } from "./machine.ts";

export interface Machine {
  name: string;
  /** The root directory of its system; this machine's where nothing is said. */
  root?: string;
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

export interface Shutdown {
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

/** Boots the machine, runs its scenarios and switches it off. */
export async function runMachine(
  t: TestContext,
  { name, root, scenarios: names, fstab, memory = "1G" }: Machine,
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
    const options = {
      name: `systemd-${name}`,
      timeoutMs,
      memory,
      ...hooks,
      ...(root !== undefined && { root }),
    };
    return runUnderSystemd(names, fstab(names), options);
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

/**
 * That mounts were unmounted while their tunnels ran, and the watchdog ended after them.
 *
 * @param units the mount units that there were
 */
export function assertOrderlyShutdown(t: TestContext, shutdown: Shutdown, units: string[]): void {
  for (const line of shutdown.console) t.diagnostic(line);
  assert.equal(shutdown.mounts, "", "nothing is mounted any more");
  assertTunnelsLast(t, shutdown.tunnels, units.length);
  assertWatchdogIsLast(t, shutdown.units, units);
  const trouble = shutdown.console.filter((line) =>
    /timed out|Failed (un)?mounting|mnt-.*Failed/i.test(line),
  );
  assert.deepEqual(trouble, []);
  assert.ok(shutdown.seconds < 90, "systemd has not waited for something until its limit");
}

function assertTunnelsLast(t: TestContext, { groups, looks }: Tunnels, count: number): void {
  assert.equal(groups.size, count);
  for (const group of groups.values()) assert.match(group, /\/run-[\w-]+\.scope$/);
  assert.equal(looks[0]?.mounted.length, count, "it saw the shutdown from its beginning");
  assert.deepEqual(looks.at(-1)?.mounted, []);
  for (const { running, mounted } of looks)
    assert.deepEqual(
      mounted.filter((port) => !running.includes(port)),
      [],
      "mounts without a tunnel",
    );
  t.diagnostic(`${looks.length} looks at tunnels and mounts`);
}

function assertWatchdogIsLast(t: TestContext, all: Shutdown["units"], units: string[]): void {
  const watchdog = all.find(({ Id }) => Id === WATCHDOG) ?? {};
  const mounts = all.filter(({ Id = "" }) => units.includes(Id));
  assert.equal(mounts.length, units.length);
  const time = (unit: Record<string, string>, change: string) =>
    Number(unit[`${change}TimestampMonotonic`]) / 1e6;
  const unmounted = mounts.map((unit) => time(unit, "InactiveEnter"));
  const first = Math.min(...mounts.map((unit) => time(unit, "ActiveExit")));
  const last = Math.max(...unmounted);
  t.diagnostic(
    `the mounts went within ${(last - first).toFixed(1)} s, the watchdog was stopped ` +
      `${(time(watchdog, "ActiveExit") - last).toFixed(1)} s after the last one`,
  );
  assert.ok(unmounted.every((seconds) => seconds >= first));
  assert.ok(time(watchdog, "ActiveExit") >= last, "the watchdog goes after the last mount");
  for (const { Id, Result } of [...mounts, watchdog]) assert.equal(Result, "success", Id);
}
