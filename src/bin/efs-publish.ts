import { publishEvent } from "../app/aws/cloudwatch.ts";
import type { PublisherJob } from "../app/mount/report.ts";
import { asEfsError, oneLine } from "../core/errors.ts";
import { SYSTEM_PATHS } from "../paths.ts";
import { lineFormat, openLog } from "../system/log.ts";
import { Metadata } from "../system/metadata.ts";

/**
 * `node efs-publish.cjs JOB` tells CloudWatch Logs how a mount ended. mount.efs starts it and does not wait:
 * what goes wrong is one warning in the log of mounts.
 */
async function main(text: string): Promise<void> {
  const { event, fips, hostName, disableToken, log: settings } = JSON.parse(text) as PublisherJob;
  const metadata = new Metadata({ disableToken, environment: process.env });
  try {
    await publishEvent({ event, fips, hostName, metadata });
  } catch (error) {
    const file = `${SYSTEM_PATHS.logDirectory}/mount.log`;
    openLog(file, settings, await lineFormat(settings.format)).warning(oneLine(asEfsError(error)));
  }
}

main(process.argv[2] ?? "").then(
  // calls that were given up must not hold the process
  () => process.exit(0),
  () => process.exit(1),
);
