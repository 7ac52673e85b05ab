import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EfsError } from "../../core/errors.ts";
import { parseRegion } from "../../core/ids.ts";
import { type MountEvent, streamName } from "../../core/report/mount-event.ts";
import type { Metadata } from "../../system/metadata.ts";
import { clientSettings } from "./client.ts";
import { explainApiFailure } from "./failure.ts";

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
 * @param limitMs how long all of it may take
 * @throws EfsError (system) saying what failed and what can be done
 */
export async function publishEvent(publication: Publication, limitMs = LIMIT_MS): Promise<void> {
  const logs = await import("../../lazy/aws-logs.ts");
  const limit = AbortSignal.timeout(limitMs);
  const { event, fips, hostName } = publication;
  const instance = await findInstance(publication.metadata);
  const region = event.region ?? parseRegion(instance.region ?? "") ?? event.otherRegion;
  if (region === undefined) {
    throw failure("the region of CloudWatch Logs is not known", "set region in [mount] of efs-utils.conf");
  }
  const { profile } = event;
  const client = new logs.CloudWatchLogsClient(clientSettings({ region, fips, profile }, 1));
  const stream = {
    logGroupName: event.group,
    logStreamName: streamName(event.fsId, instance.id ?? hostName),
  };
  const calls = new Calls(limit);
  try {
    await Promise.race([publish(logs, client, calls, stream, event), aborted(limit)]);
  } catch (error) {
    const { message, hint } = explainApiFailure(limit.aborted ? late(limitMs) : error, {
      service: "CloudWatch Logs",
      permission: `logs:${calls.action} on ${event.group}`,
      region,
      profile,
      purpose: "the log group",
    });
    throw failure(message, hint, error);
  } finally {
    client.destroy();
  }
}

function late(limitMs: number): Error {
  return Object.assign(new Error(`nothing within ${limitMs / 1000} s`), { name: "TimeoutError" });
}

/** The calls to the API: all of them end with one limit, and the last one's action is known. */
class Calls {
  readonly #abortSignal: AbortSignal;
  action = "PutLogEvents";

  constructor(abortSignal: AbortSignal) {
    this.#abortSignal = abortSignal;
  }

  /** What a call of this action is sent with. */
  to(action: string): { readonly abortSignal: AbortSignal } {
    this.action = action;
    return { abortSignal: this.#abortSignal };
  }
}

async function publish(
  logs: typeof import("../../lazy/aws-logs.ts"),
  client: CloudWatchLogsClient,
  calls: Calls,
  stream: { readonly logGroupName: string; readonly logStreamName: string },
  { time, message, retentionDays: retentionInDays }: MountEvent,
): Promise<void> {
  const { logGroupName } = stream;
  const event = { ...stream, logEvents: [{ timestamp: time, message }] };
  const put = () => client.send(new logs.PutLogEventsCommand(event), calls.to("PutLogEvents"));
  const makeStream = () => client.send(new logs.CreateLogStreamCommand(stream), calls.to("CreateLogStream"));
  const makeGroup = () =>
    client.send(new logs.CreateLogGroupCommand({ logGroupName }), calls.to("CreateLogGroup"));
  const retention = new logs.PutRetentionPolicyCommand({ logGroupName, retentionInDays });

  if (!(await isForMissing(put()))) return;
  let forgotten: unknown;
  if (await isForMissing(isMade(makeStream()))) {
    // of a group that others made meanwhile, the retention is theirs to set
    if (await isMade(makeGroup())) {
      // the event is worth more than its end: it is published even where that may not be set
      await client.send(retention, calls.to("PutRetentionPolicy")).catch((error: unknown) => {
        forgotten = error;
      });
    }
    await isMade(makeStream());
  }
  await put();
  if (forgotten === undefined) return;
  calls.action = "PutRetentionPolicy";
  throw forgotten;
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
  return new EfsError("system", `the mount is not reported: ${why}`, { hint, cause });
}
