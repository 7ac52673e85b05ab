import { asEfsError, oneLine } from "../../core/errors.ts";
import { WATCHDOG_UNIT } from "../../paths.ts";
import { isSystemdRunning, startUnit } from "../../system/systemd.ts";
import { runningWatchdog } from "../../system/watchdog-lock.ts";
import type { MountContext } from "../context.ts";

/** Sees to it that a watchdog runs; a mount does not fail for want of one. */
export async function ensureWatchdog({ paths, log }: MountContext): Promise<void> {
  try {
    if (runningWatchdog(paths.stateDirectory) !== undefined) return;
    if (!isSystemdRunning()) {
      log.warning(`No watchdog runs and there is no systemd to start it: run ${WATCHDOG_UNIT} yourself`);
      return;
    }
    const complaint = await startUnit(WATCHDOG_UNIT);
    if (complaint !== undefined) log.warning(`The watchdog does not start: ${complaint}`);
  } catch (error) {
    log.warning(`The watchdog does not start: ${oneLine(asEfsError(error))}`);
  }
}
