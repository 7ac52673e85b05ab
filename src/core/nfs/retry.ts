import type { Settings } from "../config/keys.ts";

/** How often and how long mount.nfs4 is tried. Times in milliseconds since the helper began. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly attemptTimeoutMs: number;
  /** When everything ends; undefined leaves the last attempt without a limit. */
  readonly deadlineMs: number | undefined;
}

export function retryPolicy(settings: Settings): RetryPolicy {
  return {
    attempts: settings.retry_nfs_mount_command ? settings.retry_nfs_mount_command_count : 1,
    attemptTimeoutMs: settings.retry_nfs_mount_command_timeout_sec * 1000,
    deadlineMs: settings.mount_deadline_sec === 0 ? undefined : settings.mount_deadline_sec * 1000,
  };
}

/** Longer than a timer can wait; as good as for ever. */
const UNLIMITED_MS = 2 ** 31 - 1;

/** What a mount takes at most where its configuration sets no end. */
const LONGEST_MS = 180_000;

/** How long one step of a mount may take that begins `elapsedMs` after the helper did: till the mount's end. */
export function timeLeftMs({ mount_deadline_sec: deadline }: Settings, elapsedMs: number): number {
  return deadline === 0 ? LONGEST_MS : Math.max(deadline * 1000 - elapsedMs, 1);
}

/** How long attempt `number` (from 1) may take, when it begins `elapsedMs` after the helper did. */
export function attemptLimitMs(policy: RetryPolicy, number: number, elapsedMs: number): number {
  const left = policy.deadlineMs === undefined ? UNLIMITED_MS : Math.max(policy.deadlineMs - elapsedMs, 1);
  return number < policy.attempts ? Math.min(policy.attemptTimeoutMs, left) : left;
}

/** The pause before attempt `number` + 1: 1.5^number seconds and up to one more by `random` in [0, 1). */
export function backOffMs(number: number, random: number): number {
  return 1000 * (1.5 ** number + random);
}

/** What came of one attempt. */
export interface Attempt {
  readonly status: number | undefined;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Whether another attempt may end otherwise: a broken connection, a time-out, an access point not there yet. */
export function isWorthRetrying({ stderr, timedOut }: Attempt, hasAccessPoint: boolean): boolean {
  if (timedOut || /reset by peer|timed out/i.test(stderr)) return true;
  return hasAccessPoint && /access denied by server/i.test(stderr);
}
