import { readFileSync } from "node:fs";
import { endingUnit } from "../core/ending-unit.ts";
import type { Command } from "../core/nfs/command.ts";
import { run } from "./process.ts";

/** systemctl(1) answers at once, but not while dozens of units start. */
const ANSWER_LIMIT_MS = 30_000;
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

/** Whether a unit is started at boot; undefined where there is no such unit, or systemd does not answer. */
export async function isUnitEnabled(unit: string): Promise<boolean | undefined> {
  const { stdout } = await run(SYSTEMCTL, ["is-enabled", unit], { timeoutMs: ANSWER_LIMIT_MS });
  const state = stdout.trim();
  if (state === "" || state === "not-found") return undefined;
  return !["disabled", "masked"].includes(state);
}

/** Starts a unit that may run already, without waiting until it is up. Resolves with why it is not started. */
export async function startUnit(unit: string): Promise<string | undefined> {
  const { status, stderr, timedOut } = await run(SYSTEMCTL, ["start", "--no-block", unit], {
    timeoutMs: ANSWER_LIMIT_MS,
  });
  if (status === 0) return undefined;
  if (timedOut) return `systemctl gave no answer within ${ANSWER_LIMIT_MS / 1000} s`;
  return stderr.trim() || "systemctl start failed";
}

/**
 * A command in a scope of its own, which is part of no unit: `systemd-run --scope` asks systemd for it and
 * becomes the command, with its pid and its descriptors.
 *
 * @param description what systemctl(1) shows of the scope
 */
export function scopeCommand({ file, args }: Command, description: string): Command {
  // without default dependencies, so that at shutdown it stays until everything is unmounted
  const scope = [
    "--scope",
    "--quiet",
    "--collect",
    "--property=DefaultDependencies=no",
    `--description=${description}`,
  ];
  return { file: SYSTEMD_RUN, args: [...scope, "--", file, ...args] };
}

/** The systemd unit this process is in, where systemd ends all processes of it with it. */
export function unitThatEnds(): string | undefined {
  try {
    return isSystemdRunning() ? endingUnit(readFileSync("/proc/self/cgroup", "utf8")) : undefined;
  } catch {
    return undefined;
  }
}
