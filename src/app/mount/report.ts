import { type LogSettings, logSettings } from "../../core/config/log-settings.ts";
import { asEfsError, oneLine } from "../../core/errors.ts";
import { type EndedMount, type MountEvent, mountEvent } from "../../core/report/mount-event.ts";
import { printable } from "../../core/text.ts";
import type { Environment, SystemPaths } from "../../paths.ts";
import type { Log } from "../../system/log.ts";
import { startDetached } from "../../system/process.ts";
import { scopeCommand, unitThatEnds } from "../../system/systemd.ts";
import { usesFips } from "../aws/fips.ts";

/** What the program that publishes is given, as JSON in its only argument. */
export interface PublisherJob {
  readonly event: MountEvent;
  readonly fips: boolean;
  readonly hostName: string;
  readonly disableToken: boolean;
  readonly log: LogSettings;
}

/** What a mount is reported with. */
export interface ReportContext {
  readonly paths: Pick<SystemPaths, "publisher">;
  readonly environment: Environment;
  readonly hostName: string;
  readonly log: Log;
  now(): Date;
}

/**
 * Reports to CloudWatch Logs how a mount ended, where the configuration asks for it. A process of its own
 * does that: this one goes on at once, and nothing that fails matters to it.
 */
export function reportMount(
  message: string,
  mount: Pick<EndedMount, "request" | "target" | "settings">,
  context: ReportContext,
): void {
  const { settings } = mount;
  const { environment, hostName, log, paths } = context;
  if (!settings["cloudwatch-log.enabled"] || mount.request.fake) return;
  try {
    const event = mountEvent({
      ...mount,
      environment,
      time: context.now().getTime(),
      message: printable(message),
    });
    if (event === undefined) return;
    const job: PublisherJob = {
      event,
      fips: usesFips(settings, environment),
      hostName,
      disableToken: settings.disable_fetch_ec2_metadata_token,
      log: logSettings(settings),
    };
    const args = [paths.publisher, JSON.stringify(job)];
    // systemd ends what a mount unit's command leaves in the unit
    const publisher = { file: process.execPath, args };
    const command =
      unitThatEnds() === undefined
        ? publisher
        : scopeCommand(publisher, "Report of an EFS mount to CloudWatch Logs");
    startDetached(command.file, command.args, {
      output: "ignore",
      descriptors: [],
      environment: sdkEnvironment(environment),
    });
  } catch (error) {
    log.warning(`The mount is not reported to CloudWatch Logs: ${oneLine(asEfsError(error))}`);
  }
}

/** What the SDK finds credentials and endpoints by. */
function sdkEnvironment(environment: Environment): Environment {
  const isForSdk = (name: string) => name.startsWith("AWS_") || name === "HOME";
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isForSdk(name)));
}
