import { parseEfsHostName } from "../request/device.ts";
import type { LogEntry } from "./entry.ts";

/** What the log of mounts says was mounted. */
export interface LoggedMount {
  readonly time: number;
  readonly dnsName: string;
  readonly fsId: string | undefined;
  readonly mountPoint: string;
}

/** The mount that a line of mount.log tells of, as scripts of old read it too; undefined where it tells of none. */
export function loggedMount({ time, message }: LogEntry): LoggedMount | undefined {
  const [, dnsName, mountPoint] = /^Successfully mounted (\S+) at (\/.*)$/s.exec(message) ?? [];
  if (dnsName === undefined || mountPoint === undefined) return undefined;
  const fsId = parseEfsHostName(dnsName)?.fsId ?? /(?:^|\.)(fs-[0-9a-f]+)\./.exec(dnsName)?.[1];
  return { time, dnsName, fsId, mountPoint };
}

/** The last mount at each place. */
export function lastMounts(entries: readonly LogEntry[]): Map<string, LoggedMount> {
  const mounts = entries.flatMap((entry) => loggedMount(entry) ?? []);
  return new Map(mounts.map((mount) => [mount.mountPoint, mount]));
}

/** A mount is logged right after it was made; the kernel tells its age in whole seconds, and clocks are set. */
const LOG_SLACK_MS = 60_000;

/** Whether a line of the log is of the mount that is there now, and not of an earlier one at its place. */
export function isOfMount({ time }: LoggedMount, ageSeconds: number | undefined, now: number): boolean {
  return ageSeconds === undefined || time >= now - 1000 * ageSeconds - LOG_SLACK_MS;
}

/**
 * How often a tunnel's stunnel was replaced since a time, by the watchdog's own words: each replacement is a
 * line, and where it left out some, its next line says how many.
 *
 * @param since milliseconds since the epoch
 */
export function countRestarts(entries: readonly LogEntry[], port: number, since: number): number {
  let count = 0;
  for (const { time, message } of entries) {
    if (time < since || !message.includes(`(port ${port}):`)) continue;
    if (
      !/stunnel (?:\d+ )?(ended, \d+ has taken over|had ended, \d+ was started)|no stunnel ran, \d+ was started/.test(
        message,
      )
    )
      continue;
    count += 1 + Number(/\((\d+) more of the kind went before\)$/.exec(message)?.[1] ?? 0);
  }
  return count;
}
