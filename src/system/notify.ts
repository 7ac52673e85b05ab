import { EfsError } from "../core/errors.ts";
import { run } from "./process.ts";

const SYSTEMD_NOTIFY = "/usr/bin/systemd-notify";
const LIMIT_MS = 10_000;
/** A message that was not sent is sent again after this long, then after twice as long, up to the longest. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 800;

/** What systemd gives a service with Type=notify or WatchdogSec= to report to it (sd_notify(3)). */
export interface ServiceManager {
  /** How often it wants to hear that the service is well, in milliseconds; undefined where never. */
  readonly everyMs: number | undefined;
  /**
   * Sends assignments such as READY=1. Node has no datagrams on Unix sockets, so systemd-notify(1) does.
   *
   * @throws EfsError (system) where it cannot, also after some tries
   */
  notify(...assignments: string[]): Promise<void>;
}

/**
 * The service manager that started this process, where one did that wants to be told. The unit needs
 * NotifyAccess=all, as a child sends the messages.
 */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
): ServiceManager | undefined {
  const socket = environment.NOTIFY_SOCKET;
  if (socket === undefined || !/^[/@]/.test(socket)) return undefined;
  const isForUs = [undefined, "", String(process.pid)].includes(environment.WATCHDOG_PID);
  const limitUs = isForUs ? Number(environment.WATCHDOG_USEC) : Number.NaN;
  return {
    // twice within the limit, as sd_watchdog_enabled(3) advises
    everyMs: limitUs > 0 ? Math.floor(limitUs / 2000) : undefined,
    notify: async (...assignments) => {
      const command = [`--pid=${process.pid}`, ...assignments];
      const options = { timeoutMs: LIMIT_MS, environment: { NOTIFY_SOCKET: socket } };
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
        const { status, stderr } = await run(SYSTEMD_NOTIFY, command, options);
        if (status === 0) return;
        if (pauseMs > LONGEST_PAUSE_MS) throw notHeard(assignments, stderr);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    },
  };
}

function notHeard(assignments: readonly string[], stderr: string): EfsError {
  const why = stderr.trim() || "systemd-notify(1) failed";
  return new EfsError("system", `systemd does not hear ${assignments.join(" ")}: ${why}`, {
    hint: "check that the unit has NotifyAccess=all",
  });
}
