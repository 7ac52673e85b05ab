/** What systemd says of its units, and what has to hold whatever happened. */
import { readFileSync, writeFileSync } from "node:fs";
import { must } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import { readProcess } from "../runner/proc.ts";
import { properties, WATCHDOG } from "./machine.ts";

export const MOUNT_UNIT = "mnt-efs.mount";

/** Properties of a unit by `systemctl show`. */
export async function show(guest: Guest, unit: string, ...names: string[]): Promise<Record<string, string>> {
  return properties(await guest.ok("systemctl", ["show", unit, ...names.flatMap((name) => ["-p", name])]));
}

/** Those of several units, in their order. */
export async function showEach(
  guest: Guest,
  units: string[],
  ...names: string[]
): Promise<Record<string, string>[]> {
  const text = await guest.ok("systemctl", ["show", ...units, ...names.flatMap((name) => ["-p", name])]);
  return text.trim().split("\n\n").map(properties);
}

/** When a unit last changed its state, in seconds since boot; 0 where it never did. */
export async function timestamp(
  guest: Guest,
  unit: string,
  change: "InactiveExit" | "ActiveEnter" | "ActiveExit" | "InactiveEnter",
): Promise<number> {
  const name = `${change}TimestampMonotonic`;
  return Number((await show(guest, unit, name))[name]) / 1e6;
}

export async function isActive(guest: Guest, unit: string): Promise<boolean> {
  return (await show(guest, unit, "ActiveState")).ActiveState === "active";
}

/** The control group of a process, e.g. `/system.slice/x.service`. */
export function controlGroup(pid: number): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim();
  return line.slice(line.lastIndexOf(":") + 1);
}

/** The watchdog that systemd runs. */
export async function watchdogPid(guest: Guest): Promise<number> {
  const { MainPID } = await show(guest, WATCHDOG, "MainPID");
  const pid = Number(MainPID);
  if (readProcess(pid) === undefined) throw new Error(`no watchdog runs (MainPID ${MainPID})`);
  return pid;
}

/** Takes a line away that the scenarios to come have nothing to do with. */
export async function forgetLine(path: string): Promise<void> {
  const lines = readFileSync("/etc/fstab", "utf8").split("\n");
  writeFileSync("/etc/fstab", lines.filter((line) => !line.includes(` ${path} `)).join("\n"));
  await must("systemctl", ["daemon-reload"], { timeoutMs: 60_000 });
}

/** The unit's own journal of this boot. */
export async function journal(guest: Guest, unit: string): Promise<string> {
  return guest.ok("journalctl", ["--no-pager", "-b", "-o", "cat", "-u", unit]);
}

/** Waits until there is one tunnel for each mount, and no other: answers "". */
export async function untilTunnelsAreMounts(guest: Guest): Promise<string> {
  const { product } = guest;
  const counts = () => ({
    mounts: guest.nfsMounts().filter(({ device }) => device.startsWith("127.0.0.1:")).length,
    stunnels: product.stunnels().length,
    ports: product.ports().length,
    files: product.stateFiles().length / 3,
  });
  try {
    await guest.eventually(
      "there are as many tunnels as mounts",
      () => new Set(Object.values(counts())).size === 1,
      15_000,
    );
    return "";
  } catch {
    throw new Error(`${JSON.stringify(counts())}\n${product.traces().join("\n")}`);
  }
}
