import { readFileSync, writeFileSync } from "node:fs";
import { readAheadKib, readSize } from "../../core/nfs/command.ts";
import { type MountEntry, tunnelPort } from "../../core/nfs/mount-table.ts";
import { splitOptions } from "../../core/request/options.ts";
import type { Pass } from "./pass.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** Rules of udev may set a new mount's read-ahead back within two seconds (Ubuntu 24.04). */
const CHECK_AFTER_MS = 3000;
/** What is found later than this is somebody's choice. */
const CHECK_UNTIL_MS = 60_000;

/**
 * Sets the read-ahead of a young mount again where it was set back, once. Until it is time, the tunnel is looked
 * at again then.
 *
 * @param mounts the mounts that are there now
 */
export function checkReadAhead(tunnel: WatchedTunnel, pass: Pass, mounts: () => readonly MountEntry[]): void {
  const { state } = tunnel;
  if (tunnel.readAheadChecked || !pass.policy.optimizeReadAhead || state?.mount_time === undefined) return;
  const ageMs = Date.now() - state.mount_time * 1000;
  if (ageMs < 0 || ageMs > CHECK_UNTIL_MS) {
    tunnel.readAheadChecked = true;
  } else if (ageMs < CHECK_AFTER_MS) {
    tunnel.lookAt = Math.min(tunnel.lookAt, pass.now + CHECK_AFTER_MS - ageMs);
  } else {
    tunnel.readAheadChecked = true;
    const entry = mounts().findLast((candidate) => tunnelPort(candidate) === tunnel.port);
    if (entry !== undefined) restoreReadAhead(entry);
  }
}

/**
 * Writes a mount's read-ahead where it is less than it should be.
 *
 * @param directory where the kernel shows the devices
 * @returns whether it was written
 */
export function restoreReadAhead(entry: MountEntry, directory = "/sys/class/bdi"): boolean {
  const rsize = readSize(splitOptions(entry.superOptions));
  if (rsize === undefined) return false;
  const file = `${directory}/${entry.device}/read_ahead_kb`;
  try {
    if (Number(readFileSync(file, "utf8")) >= readAheadKib(rsize)) return false;
    writeFileSync(file, String(readAheadKib(rsize)));
    return true;
  } catch {
    // a kernel without this knob reads ahead as it likes
    return false;
  }
}
