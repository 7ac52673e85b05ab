import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { publishEvent } from "../../../src/app/aws/cloudwatch.ts";
import { EfsError, oneLine } from "../../../src/core/errors.ts";
import { parseFileSystemId, parseRegion } from "../../../src/core/ids.ts";
import type { MountEvent } from "../../../src/core/report/mount-event.ts";
import { Metadata } from "../../../src/system/metadata.ts";
import { LogsService } from "../../support/cloudwatch-emulator.ts";
import { freePort } from "../../support/watchdog-rig.ts";

const GROUP = "/aws/efs/utils";
const STREAM = "fs-1 - test-host";
const TIME = 1_790_000_000_000;
const MESSAGE = "Successfully mounted fs-1.efs.us-east-1.amazonaws.com at /mnt/efs";

function event(change: Partial<MountEvent> = {}): MountEvent {
  const [fsId, region] = [parseFileSystemId("fs-1"), parseRegion("us-east-1")];
  assert.ok(fsId !== undefined && region !== undefined);
  const none = { otherRegion: undefined, profile: undefined };
  const common = { fsId, region, ...none, group: GROUP, retentionDays: 14, time: TIME, message: MESSAGE };
  return { ...common, ...change };
}

/** Instance metadata of nobody, or of an instance that a test stands in for. */
function metadataOf(instance?: { readonly id?: string; readonly region?: string } | "silent"): Metadata {
  const metadata = new Metadata({ disableToken: true, environment: { AWS_EC2_METADATA_DISABLED: "true" } });
  if (instance === "silent") metadata.instance = () => new Promise(() => {});
  else if (instance !== undefined) metadata.instance = async () => instance;
  return metadata;
}

/** A machine that does much else at the same time is slower than ours may be. */
const GENEROUS_MS = 60_000;

const publishing = (change: Partial<MountEvent> = {}, metadata = metadataOf(), hostName = "test-host") =>
  publishEvent({ event: event(change), fips: false, metadata, hostName }, GENEROUS_MS);

/** What comes of an event that is not published. */
async function complaint(publication: Promise<void>): Promise<string> {
  const error = await publication.then(
    () => assert.fail("it was published"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EfsError, String(error));
  return oneLine(error);
}

describe("an event for CloudWatch Logs", () => {
  const cleanUps: (() => unknown)[] = [];
  const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  const untouched = { ...process.env };
  let logs: LogsService;

  before(() => {
    process.env.AWS_ACCESS_KEY_ID = "AKIATEST";
    process.env.AWS_SECRET_ACCESS_KEY = "secret";
    process.env.AWS_EC2_METADATA_DISABLED = "true";
  });
  beforeEach(async () => {
    logs = new LogsService();
    await logs.start(group);
    process.env.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS = logs.endpoint;
  });
  after(async () => {
    process.env = untouched;
    for (const cleanUp of cleanUps) await cleanUp();
  });

  test("makes the log group with its retention, and the stream, where there are none", async () => {
    await publishing({ retentionDays: 30 });
    assert.deepEqual(logs.events, [{ group: GROUP, stream: STREAM, timestamp: TIME, message: MESSAGE }]);
    assert.equal(logs.groups.get(GROUP)?.retention, 30);
    assert.deepEqual(logs.calls, [
      "PutLogEvents",
      "CreateLogStream",
      "CreateLogGroup",
      "PutRetentionPolicy",
      "CreateLogStream",
      "PutLogEvents",
    ]);
  });

  test("is one call where everything is there", async () => {
    logs.makeGroup(GROUP).streams.set(STREAM, []);
    await publishing();
    await publishing({ time: TIME + 1 });
    assert.deepEqual(logs.calls, ["PutLogEvents", "PutLogEvents"]);
    assert.deepEqual(
      logs.events.map(({ timestamp }) => timestamp),
      [TIME, TIME + 1],
    );
  });

  test("leaves the retention of a group that is there as it is", async () => {
    logs.makeGroup(GROUP).retention = 400;
    await publishing();
    assert.equal(logs.groups.get(GROUP)?.retention, 400);
    assert.equal(logs.events.length, 1);
    assert.ok(!logs.calls.includes("PutRetentionPolicy"));
  });

  test("is published by each of several machines that begin at once", async () => {
    const hosts = Array.from({ length: 8 }, (_, index) => `host-${index}`);
    await Promise.all(hosts.map((hostName) => publishing({}, metadataOf(), hostName)));
    assert.deepEqual(
      logs.events.map(({ stream }) => stream).sort(),
      hosts.map((host) => `fs-1 - ${host}`),
    );
    assert.equal(logs.calls.filter((call) => call === "PutRetentionPolicy").length, 1);
  });

  test("goes to the stream of the instance, and to its region where no other is known", async () => {
    const region = parseRegion("eu-west-3");
    await publishing({ region: undefined }, metadataOf({ id: "i-0123456789abcdef0", region: "eu-west-3" }));
    await publishing({ region: undefined, otherRegion: region });
    assert.deepEqual(
      logs.events.map(({ stream }) => stream),
      ["fs-1 - i-0123456789abcdef0", STREAM],
    );
  });

  test("does not wait long for an instance that does not say who it is", async () => {
    await publishing({}, metadataOf("silent"));
    assert.equal(logs.events[0]?.stream, STREAM);
  });

  test("is not published where no region is known, which is said", async () => {
    assert.match(
      await complaint(publishing({ region: undefined })),
      /the region of CloudWatch Logs is not known; set region in/,
    );
    assert.deepEqual(logs.calls, []);
  });

  for (const action of ["PutLogEvents", "CreateLogStream", "CreateLogGroup"]) {
    test(`names group and action where ${action} is denied, and is tried once`, async () => {
      logs.denied.add(action);
      const text = await complaint(publishing());
      assert.match(
        text,
        /CloudWatch Logs API denies logs:\w+ on \/aws\/efs\/utils .*; allow .* in their IAM policy/,
      );
      assert.ok(text.includes(action));
      assert.equal(logs.calls.filter((call) => call === action).length, 1);
      assert.deepEqual(logs.events, []);
    });
  }

  test("is published also where the retention may not be set, which is said", async () => {
    logs.denied.add("PutRetentionPolicy");
    assert.match(await complaint(publishing()), /PutRetentionPolicy/);
    assert.equal(logs.events.length, 1);
  });

  test("is given up after two seconds where nobody answers", async () => {
    logs.isSilent = true;
    assert.match(
      await complaint(
        publishEvent({ event: event(), fips: false, metadata: metadataOf(), hostName: "test-host" }),
      ),
      /cannot be reached: nothing within 2 s; check this machine's way/,
    );
    assert.deepEqual(logs.calls, ["PutLogEvents"]);
  });

  test("says so where its API is not there", async () => {
    process.env.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS = `http://127.0.0.1:${await freePort()}`;
    assert.match(
      await complaint(publishing()),
      /CloudWatch Logs API in us-east-1 cannot be reached: .*ECONNREFUSED/,
    );
  });

  test("says so where there are no credentials", async (t) => {
    const { AWS_ACCESS_KEY_ID: id } = process.env;
    t.after(() => {
      process.env.AWS_ACCESS_KEY_ID = id;
      delete process.env.AWS_SHARED_CREDENTIALS_FILE;
      delete process.env.AWS_CONFIG_FILE;
    });
    delete process.env.AWS_ACCESS_KEY_ID;
    process.env.AWS_SHARED_CREDENTIALS_FILE = "/none";
    process.env.AWS_CONFIG_FILE = "/none";
    assert.match(await complaint(publishing()), /credentials.*; give this machine credentials/i);
    assert.deepEqual(logs.calls, []);
  });
});
