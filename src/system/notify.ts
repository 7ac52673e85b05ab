import { run } from "./process.ts";

const SYSTEMD_NOTIFY = "/usr/bin/systemd-notify";
const LIMIT_MS = 10_000;

/** What systemd gives a service with Type=notify or WatchdogSec= to report to it (sd_notify(3)). */
export interface ServiceManager {
  /** How often it wants to hear that the service is well, in milliseconds; undefined where never. */
  readonly everyMs: number | undefined;
  /** Sends assignments such as READY=1. Node has no datagrams on Unix sockets, so systemd-notify(1) does. */
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
      await run(SYSTEMD_NOTIFY, [`--pid=${process.pid}`, ...assignments], {
        timeoutMs: LIMIT_MS,
        environment: { NOTIFY_SOCKET: socket },
      });
    },
  };
}
