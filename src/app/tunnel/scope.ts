import { asEfsError, oneLine } from "../../core/errors.ts";
import type { Log } from "../../system/log.ts";
import { unitThatEnds } from "../../system/systemd.ts";

/**
 * Starts what has to outlive the systemd unit this process is in: in a scope of systemd's, or, where systemd
 * gives none, within the unit and with a warning.
 *
 * @param start may be called twice
 * @throws what `start` throws within the unit
 */
export async function outliveOwnUnit<T>(
  start: (inScope: boolean) => Promise<T>,
  log: Log,
  signal?: AbortSignal,
): Promise<T> {
  const unit = unitThatEnds();
  if (unit === undefined) return start(false);
  let complaint: string;
  try {
    return await start(true);
  } catch (error) {
    if (signal?.aborted) throw error;
    complaint = oneLine(asEfsError(error));
  }
  // where this fails as well, the scope was not what was wrong
  const started = await start(false);
  log.warning(`The tunnel is part of ${unit} and ends with it, as it did not start in a scope: ${complaint}`);
  return started;
}
