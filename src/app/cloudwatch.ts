import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EfsError } from "../core/errors.ts";
import { type MountEvent, streamName } from "../core/report/mount-event.ts";
import type { Metadata } from "../system/metadata.ts";
import { saidOf } from "./aws-failure.ts";

/** What an event is published with. */
export interface Publication {
  readonly event: MountEvent;
  readonly fips: boolean;
  readonly metadata: Metadata;
  /** Tells machines apart that are no instances. */
  readonly hostName: string;
}

/** How long everything together may take, once the SDK is loaded. */
const LIMIT_MS = 2000;
/** How long the instance may take to say who it is. */
const METADATA_LIMIT_MS = 500;

/**
 * Publishes a mount's event to CloudWatch Logs. Usually that is one call; log group and stream are made where
 * they are missing.
 *
 * @throws EfsError (system) saying what failed and what can be done
 */
export async function publishEvent(publication: Publication): Promise<void> {
  const logs = await import("../lazy/aws-logs.ts");
  const limit = AbortSignal.timeout(LIMIT_MS);
  const { event, fips, hostName } = publication;
  const instance = await findInstance(publication.metadata);
  const region = event.region ?? instance.region ?? event.otherRegion;
  if (region === undefined) {
    throw failure("the region is not known", "set region in [mount] of efs-utils.conf");
  }
  const client = new logs.CloudWatchLogsClient({
    region,
    useFipsEndpoint: fips,
    maxAttempts: 1,
    ...(event.profile === undefined ? {} : { profile: event.profile }),
  });
  const stream = {
    logGroupName: event.group,
    logStreamName: streamName(event.fsId, instance.id ?? hostName),
  };
  try {
    await Promise.race([publish(logs, client, stream, event, limit), aborted(limit)]);
  } catch (error) {
    throw explained(error, event.group, region);
  } finally {
    client.destroy();
  }
}

async function publish(
  logs: typeof import("../lazy/aws-logs.ts"),
  client: CloudWatchLogsClient,
  stream: { readonly logGroupName: string; readonly logStreamName: string },
  { time, message, retentionDays: retentionInDays }: MountEvent,
  abortSignal: AbortSignal,
): Promise<void> {
  const { logGroupName } = stream;
  const event = { ...stream, logEvents: [{ timestamp: time, message }] };
  const put = () => client.send(new logs.PutLogEventsCommand(event), { abortSignal });
  const makeStream = () => client.send(new logs.CreateLogStreamCommand(stream), { abortSignal });
  const makeGroup = () => client.send(new logs.CreateLogGroupCommand({ logGroupName }), { abortSignal });
  const retention = new logs.PutRetentionPolicyCommand({ logGroupName, retentionInDays });

  if (!(await isForMissing(put()))) return;
  let forgotten: unknown;
  if (await isForMissing(isMade(makeStream()))) {
    // of a group that others made meanwhile, the retention is theirs to set
    if (await isMade(makeGroup())) {
      // the event is worth more than its end: it is published even where that may not be set
      await client.send(retention, { abortSignal }).catch((error: unknown) => {
        forgotten = error;
      });
    }
    await isMade(makeStream());
  }
  await put();
  if (forgotten !== undefined) throw forgotten;
}

const isCalled = (error: unknown, name: string) => error instanceof Error && error.name === name;

/** Whether a call fails because the log group or the stream is not there. */
async function isForMissing(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    if (isCalled(error, "ResourceNotFoundException")) return true;
    throw error;
  }
}

/** Whether a call makes what it should; false where somebody else has made it. */
async function isMade(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (isCalled(error, "ResourceAlreadyExistsException")) return false;
    throw error;
  }
}

/** Which instance this machine is, if it is one that says so in time. */
function findInstance(metadata: Metadata): ReturnType<Metadata["instance"]> {
  const late = new Promise<object>((resolve) => setTimeout(resolve, METADATA_LIMIT_MS, {}));
  return Promise.race([metadata.instance().catch(() => ({})), late]);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function failure(why: string, hint: string, cause?: unknown): EfsError {
  return new EfsError("system", `the mount is not reported to CloudWatch Logs: ${why}`, { hint, cause });
}

/** What a failed call means for the user. */
function explained(cause: unknown, group: string, region: string): EfsError {
  const { name = "", code = "" } = (cause ?? {}) as { name?: string; code?: string };
  const said = saidOf(cause);
  if (/CredentialsProvider|UnrecognizedClient|InvalidClientTokenId|ExpiredToken|Signature/.test(name)) {
    return failure(said, "give this machine credentials that may write the log group", cause);
  }
  if (/AccessDenied/.test(name)) {
    return failure(`access to ${group} is denied: ${said}`, "allow it in the IAM policy", cause);
  }
  const isLate = /^(Timeout|Abort)Error$/.test(name);
  if (isLate || /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(`${code} ${name}`)) {
    const why = isLate ? `nothing within ${LIMIT_MS / 1000} s` : said;
    return failure(
      `its API in ${region} does not answer: ${why}`,
      "check this machine's way to it: a route, or a VPC endpoint for logs",
      cause,
    );
  }
  return failure(`${name} ${said}`, "check [cloudwatch-log] in efs-utils.conf", cause);
}
