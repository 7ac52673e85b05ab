import { hostname } from "node:os";
import type { MountContext } from "../app/context.ts";
import { mountFileSystem } from "../app/mount/mount.ts";
import { reportMount } from "../app/mount/report.ts";
import { emptyConfig, parseConfig, settings } from "../core/config/config.ts";
import { logSettings } from "../core/config/log-settings.ts";
import { asEfsError, EfsError, oneLine } from "../core/errors.ts";
import type { ResolvedTarget } from "../core/location/target.ts";
import { parseInvocation, USAGE } from "../core/request/request.ts";
import { printable } from "../core/text.ts";
import { systemPaths } from "../paths.ts";
import { closeInherited } from "../system/descriptors.ts";
import { readIfThere } from "../system/files.ts";
import { type Log, lineFormat, openLog } from "../system/log.ts";
import { Metadata } from "../system/metadata.ts";
import { VERSION } from "../version.ts";

const paths = systemPaths(__dirname);
const logFile = `${paths.logDirectory}/mount.log`;

/** The log as configured; until the configuration is read, as it is by default. */
let log: Log = openLog(logFile, logSettings(settings(emptyConfig(paths.config))));

async function main(argv: readonly string[]): Promise<number> {
  const invocation = parseInvocation(argv, workingDirectory());
  if (invocation.kind === "help") return print(USAGE);
  if (invocation.kind === "version") return print(`mount.efs ${VERSION}`);
  if (process.geteuid?.() !== 0) {
    throw new EfsError("permission", "only root may mount", { hint: "run the command with sudo" });
  }
  closeInherited();
  const text = readIfThere(paths.config);
  const file = text === undefined ? emptyConfig(paths.config) : parseConfig(text, paths.config);
  const common = settings(file);
  log = openLog(logFile, logSettings(common), await lineFormat(common.logging_format));
  for (const warning of file.warnings) log.warning(warning);
  if (text === undefined) log.warning(`${paths.config} is not there: every key has its default`);
  const { request } = invocation;
  const metadata = new Metadata({
    disableToken: common.disable_fetch_ec2_metadata_token,
    environment: process.env,
  });
  const known: { target: ResolvedTarget | undefined } = { target: undefined };
  const context: MountContext = {
    paths,
    environment: process.env,
    hostName: hostname(),
    version: VERSION,
    log,
    signal: AbortSignal.any([interruption(), deadline(common.mount_deadline_sec)]),
    step: request.verbose ? tellStep : () => {},
    located: (target) => {
      known.target = target;
    },
    now: () => new Date(),
    elapsedMs: () => process.uptime() * 1000,
    random: Math.random,
  };
  const publish = (message: string) =>
    reportMount(message, { request, target: known.target, settings: common }, context);
  const mounting = mountFileSystem(request, context, {
    environment: process.env,
    settings: common,
    settingsFor: (region) => settings(file, region),
    metadata,
    step: context.step,
  });
  const result = await mounting.catch((error: unknown) => {
    publish(`Failed to mount at ${request.mountPoint}: ${oneLine(asEfsError(error))}`);
    throw error;
  });
  if (result === "mounted") {
    publish(`Successfully mounted ${known.target?.dnsName} at ${request.mountPoint}`);
  }
  if (result === "too-early") {
    const message = `the network is not up yet: ${request.mountPoint} is not mounted; add _netdev to its options in /etc/fstab`;
    log.error(message);
    process.stderr.write(`mount.efs: ${message}\n`);
  }
  return 0;
}

function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** For mount -v: what happened, with the time since this program began, and since the step before. Standard output is mount(8)'s own. */
function tellStep(what: string): void {
  const now = process.uptime() * 1000;
  const took = `(+${(now - lastStepMs).toFixed(0)})`;
  lastStepMs = now;
  process.stderr.write(`mount.efs: ${now.toFixed(0).padStart(6)} ms ${took.padEnd(8)} ${printable(what)}\n`);
}

let lastStepMs = 0;

/** Aborted by the signals that ask this program to end. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      controller.abort(new EfsError("interrupted", `interrupted by ${signal}`, { hint: "try again" }));
    });
  }
  return controller.signal;
}

/** Later than the last attempt's own end, whose words say more. */
const DEADLINE_GRACE_MS = 500;

/** Aborted when the time for the whole mount is over, whatever hangs. */
function deadline(seconds: number): AbortSignal {
  const controller = new AbortController();
  if (seconds === 0) return controller.signal;
  const limitMs = Math.max(seconds * 1000 - process.uptime() * 1000, 0) + DEADLINE_GRACE_MS;
  setTimeout(() => {
    const message = `the mount was not done within ${seconds} s (mount_deadline_sec)`;
    const hint = "mount -v shows each step";
    controller.abort(new EfsError("mount", message, { hint }));
  }, limitMs).unref();
  return controller.signal;
}

function report(error: EfsError): number {
  const message = oneLine(error);
  process.stderr.write(`mount.efs: ${message}\n`);
  if (error.kind === "bug" && error.cause instanceof Error) {
    log.critical(`${message} ${error.cause.stack ?? ""}`.replaceAll("\n", " | "));
  } else {
    log.error(message);
  }
  return error.status;
}

let status = 4;
main(process.argv.slice(2))
  .catch((error: unknown) => report(asEfsError(error)))
  .then((value) => {
    status = value;
  })
  .finally(() => process.exit(status));
