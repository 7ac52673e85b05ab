import { existsSync, readFileSync } from "node:fs";
import type { Command } from "../core/nfs/command.ts";
import { run } from "./process.ts";

/** systemctl(1) answers at once or the bus is not there. */
const ANSWER_LIMIT_MS = 10_000;
const SYSTEMCTL = "/usr/bin/systemctl";
const SYSTEMD_RUN = "/usr/bin/systemd-run";

/** Whether systemd is process 1. */
export function isSystemdRunning(): boolean {
  try {
    return readFileSync("/proc/1/comm", "utf8").trim() === "systemd";
  } catch {
    return false;
  }
}

/** Whether a unit is active; undefined where systemd does not answer. */
export async function isUnitActive(unit: string): Promise<boolean | undefined> {
  const { status } = await run(SYSTEMCTL, ["is-active", unit], { timeoutMs: ANSWER_LIMIT_MS });
  return status === undefined ? undefined : status === 0;
}

/** Starts a unit, without waiting until it is up. Resolves with what systemctl says where it fails. */
export async function startUnit(unit: string): Promise<string | undefined> {
  const { status, stderr } = await run(SYSTEMCTL, ["start", "--no-block", unit], {
    timeoutMs: ANSWER_LIMIT_MS,
  });
  return status === 0 ? undefined : stderr.trim() || "systemctl start failed";
}

/**
 * A command that must outlive the unit this process runs in: in a scope of its own where that unit is one
 * whose processes systemd ends with it. `systemd-run --scope` keeps pid and descriptors.
 */
export function outsideUnitOfCaller({ file, args }: Command): Command {
  if (!endsWithItsUnit() || !existsSync(SYSTEMD_RUN)) return { file, args };
  // without default dependencies, so that at shutdown it stays until everything is unmounted
  const scope = ["--scope", "--quiet", "--collect", "--property=DefaultDependencies=no"];
  return { file: SYSTEMD_RUN, args: [...scope, "--", file, ...args] };
}

function endsWithItsUnit(): boolean {
  try {
    const group = readFileSync("/proc/self/cgroup", "utf8").trim();
    return isSystemdRunning() && /(\.(mount|automount|service|socket)|\/session-[^/]*\.scope)$/m.test(group);
  } catch {
    return false;
  }
}
