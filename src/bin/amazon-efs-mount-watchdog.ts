import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { startWatchdog, type Watchdog } from "../app/watchdog/watchdog.ts";
import { emptyConfig, parseConfig } from "../core/config/config.ts";
import { asEfsError, EfsError, oneLine } from "../core/errors.ts";
import type { LineFormat } from "../core/log-line.ts";
import { type Policy, policyOf } from "../core/watchdog/policy.ts";
import { systemPaths, WATCHDOG_UNIT } from "../paths.ts";
import { readIfThere } from "../system/files.ts";
import { SYSTEM_KERNEL } from "../system/kernel.ts";
import { type Log, lineFormat, openLog } from "../system/log.ts";
import { type ServiceManager, serviceManager } from "../system/notify.ts";
import { VERSION } from "../version.ts";

const NAME = WATCHDOG_UNIT;
const paths = systemPaths(__dirname);

/** The log as configured; until the configuration is read, as it is by default. */
let file: Log = openLogFile(policyOf(emptyConfig(paths.config)));

/** What goes wrong is also said on standard error, where containers and systemd read it. */
const log: Log = {
  debug: (message) => file.debug(message),
  info: (message) => file.info(message),
  warning: (message) => both("warning", message),
  error: (message) => both("error", message),
  critical: (message) => both("critical", message),
};

function both(level: "warning" | "error" | "critical", message: string): void {
  file[level](message);
  process.stderr.write(`${NAME}: ${message}\n`);
}

function openLogFile({ log: settings }: Policy, format?: LineFormat): Log {
  return openLog(`${paths.logDirectory}/mount-watchdog.log`, settings, format);
}

async function readPolicy(): Promise<Policy> {
  const text = readIfThere(paths.config);
  const config = text === undefined ? emptyConfig(paths.config) : parseConfig(text, paths.config);
  const policy = policyOf(config);
  file = openLogFile(policy, await lineFormat(policy.log.format));
  if (text === undefined) log.warning(`${paths.config} is not there: every key has its default`);
  for (const warning of config.warnings) log.warning(warning);
  return policy;
}

async function main(argv: readonly string[]): Promise<number> {
  const [argument] = argv;
  if (argument === "--version") {
    process.stdout.write(`${NAME} ${VERSION}\n`);
    return 0;
  }
  if (argument !== undefined) {
    throw new EfsError("usage", `unknown argument "${argument}"`, { hint: `run ${NAME} without any` });
  }
  if (process.geteuid?.() !== 0) {
    throw new EfsError("permission", "only root may watch mounts", {
      hint: "run it as a service, or with sudo",
    });
  }
  // from the start, so that no signal finds its default action
  const ended = endSignal();
  const hangUps = hangUpSignals();
  const policy = await readPolicy();
  if (!policy.enabled) {
    log.warning(`enabled = false in [mount-watchdog] of ${paths.config}: there is nothing to do`);
    // a service that ends before it was ready has failed
    await serviceManager(process.env)?.notify("READY=1");
    return 0;
  }
  const watchdog = await startWatchdog(
    { paths, kernel: SYSTEM_KERNEL, log, hostName: hostname(), version: VERSION },
    policy,
  );
  hangUps.pass(() => void reload(watchdog));
  const manager = serviceManager(process.env);
  const stopPings = manager === undefined ? () => {} : await report(manager, watchdog);
  const signal = await ended;
  stopPings();
  await manager?.notify("STOPPING=1");
  await watchdog.stop();
  log.info(`Ended by ${signal}: tunnels run on`);
  return 0;
}

/** Takes the configuration file as it is now; one that is wrong changes nothing. */
async function reload(watchdog: Watchdog): Promise<void> {
  try {
    watchdog.reload(await readPolicy());
    log.info(`${paths.config} was read again`);
  } catch (error) {
    log.error(`${oneLine(asEfsError(error))}; the settings stay as they were`);
  }
}

/** A watchdog that has seen nothing for this long needs a new start. */
const UNWELL_MS = 120_000;

/** A line of `systemctl status`, as sd_notify(3) takes it. */
function statusOf({ summary }: Watchdog): string {
  return `STATUS=Watching ${summary}`;
}

/** A burst of changes, as of a tunnel that starts anew, is over after this long. */
const SETTLED_MS = 1000;

/**
 * What is called after each look, and sends the status where it has changed for good; one message at a time.
 *
 * @param sent the status that was sent last
 */
function tellChanges(
  watchdog: Watchdog,
  send: (message: string) => Promise<void>,
  sent: string,
): () => Promise<void> {
  let isSending = false;
  return async () => {
    if (isSending) return;
    isSending = true;
    while (statusOf(watchdog) !== sent) {
      await setTimeout(SETTLED_MS);
      const status = statusOf(watchdog);
      if (status !== sent) await send(status);
      sent = status;
    }
    isSending = false;
  };
}

/** Tells the service manager that the watchdog is ready, and from then on what it watches and that it is well. */
async function report(manager: ServiceManager, watchdog: Watchdog): Promise<() => void> {
  const send = (...messages: string[]) =>
    manager.notify(...messages).catch((error: unknown) => log.warning(oneLine(asEfsError(error))));
  const status = statusOf(watchdog);
  await send("READY=1", status);
  const tell = tellChanges(watchdog, send, status);
  watchdog.follow(() => void tell());
  // what it watches may have changed while that was sent
  void tell();
  if (manager.everyMs === undefined) return () => {};
  const timer = setInterval(() => {
    if (watchdog.failingMs < UNWELL_MS) void send("WATCHDOG=1");
  }, manager.everyMs);
  return () => clearInterval(timer);
}

/** Resolves with the first signal that asks this program to end. */
function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

/** SIGHUP: what comes before anybody can do something about it is kept. */
function hangUpSignals(): { pass(to: () => void): void } {
  let came = false;
  let receiver = () => {
    came = true;
  };
  process.on("SIGHUP", () => receiver());
  return {
    pass: (to) => {
      receiver = to;
      if (came) to();
    },
  };
}

function fail(cause: unknown): number {
  const error = asEfsError(cause);
  const stack = error.kind === "bug" && cause instanceof Error ? ` ${cause.stack}` : "";
  log[error.kind === "bug" ? "critical" : "error"](`${oneLine(error)}${stack}`);
  return error.status;
}

process.title = NAME;
process.on("uncaughtException", (error) => process.exit(fail(error)));
main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => process.exit(fail(error)),
);
