import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { findProcesses } from "../../../src/system/procfs.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { buildCheckout } from "../../support/built.ts";
import { LogsService } from "../../support/cloudwatch-emulator.ts";
import { MountMachine, NAME } from "../../support/mount-machine.ts";
import { eventually } from "../../support/watchdog-rig.ts";

const ENABLED =
  "[cloudwatch-log]\nenabled = true\nlog_group_name = /mounts/{fs_id}\nretention_in_days = 30\n";

describe("a mount that is reported to CloudWatch Logs", { skip: process.getuid?.() !== 0 }, () => {
  const cleanUps: (() => unknown)[] = [];
  let program: string;

  before(() => {
    const directory = temporaryDirectory({ after: (cleanUp) => void cleanUps.push(cleanUp) }, "reporter");
    buildCheckout(directory);
    program = join(directory, "bin/mount.efs");
  });
  after(() => {
    for (const cleanUp of cleanUps) cleanUp();
  });

  const publishers = () =>
    findProcesses(({ argv }) => argv.some((argument) => argument.endsWith("/efs-publish.cjs")));

  async function service(test: TestContext) {
    const logs = new LogsService();
    await logs.start(test);
    const keys = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "very-secret" };
    return { logs, environment: { ...keys, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: logs.endpoint } };
  }

  test("is published with its name and place where it succeeds", async (t) => {
    const { logs, environment } = await service(t);
    const machine = new MountMachine(t, program, { config: ENABLED });
    const began = Date.now();
    assert.deepEqual(
      { ...(await machine.mount(["fs-12345678:/", "/mnt"], environment)), took: 0 },
      { status: 0, stderr: "", took: 0 },
    );
    await eventually("it is published", () => logs.events.length === 1);
    const [{ timestamp, stream, ...event } = { timestamp: 0, stream: "" }] = logs.events;
    assert.deepEqual(event, {
      group: "/mounts/fs-12345678",
      message: `Successfully mounted ${NAME} at /mnt`,
    });
    assert.match(stream, /^fs-12345678 - ./);
    assert.ok(timestamp >= began && timestamp <= Date.now());
    assert.equal(logs.groups.get("/mounts/fs-12345678")?.retention, 30);
    assert.deepEqual(logs.callers.at(-1), "AKIATEST");
    await eventually("the publisher has ended", () => publishers().length === 0);
    assert.doesNotMatch(machine.log, /CloudWatch/);
  });

  test("is published with its error where it fails, also before its name resolves", async (t) => {
    const { logs, environment } = await service(t);
    const machine = new MountMachine(t, program, {
      config: ENABLED,
      nfs: "echo denied by test >&2; exit 32",
    });
    const { status, stderr } = await machine.mount(["fs-12345678:/", "/mnt"], environment);
    assert.equal(status, 32);
    await eventually("it is published", () => logs.events.length === 1);
    const said = stderr.replace(/^mount\.efs: /, "").trim();
    assert.equal(logs.events[0]?.message, `Failed to mount at /mnt: ${said}`);
    assert.match(said, /denied by test/);

    assert.equal((await machine.mount(["fs-99999999:/", "/mnt"], environment)).status, 32);
    await eventually("it is published", () => logs.events.length === 2);
    assert.match(logs.events[1]?.message ?? "", /fs-99999999.*does not resolve/);
    assert.match(logs.events[1]?.stream ?? "", /^fs-99999999 - /);
  });

  test("ends with the same status and as soon where access is denied, which is one warning", async (t) => {
    const { logs, environment } = await service(t);
    logs.denied.add("PutLogEvents");
    const machine = new MountMachine(t, program, { config: ENABLED });
    assert.equal((await machine.mount(["fs-12345678:/", "/mnt"], environment)).status, 0);
    await eventually("it is said", () => /WARNING - the mount is not reported.*denies/.test(machine.log));
    assert.equal(machine.log.match(/CloudWatch/g)?.length, 1);
    assert.doesNotMatch(machine.log, /very-secret/);
  });

  test("is not waited for where nobody answers", async (t) => {
    const { logs, environment } = await service(t);
    logs.isSilent = true;
    const plain = await new MountMachine(t, program).mount(["fs-12345678:/", "/mnt"], environment);
    const machine = new MountMachine(t, program, { config: ENABLED });
    const reported = await machine.mount(["fs-12345678:/", "/mnt"], environment);
    assert.deepEqual([plain.status, reported.status], [0, 0]);
    t.diagnostic(`without ${plain.took.toFixed(0)} ms, with ${reported.took.toFixed(0)} ms`);
    assert.ok(reported.took < plain.took + 1500, `${reported.took} instead of ${plain.took} ms`);
    assert.equal(publishers().length, 1, "it is still at it");
    await eventually("it is given up", () => /nothing within 2 s/.test(machine.log));
    await eventually("the publisher has ended", () => publishers().length === 0);
  });

  test("starts nothing unless the configuration asks for it", async (t) => {
    const { logs, environment } = await service(t);
    const off = "[cloudwatch-log]\nlog_group_name = /mounts\n";
    assert.equal(
      (await new MountMachine(t, program, { config: off }).mount(["fs-12345678:/", "/mnt"], environment))
        .status,
      0,
    );
    assert.equal(publishers().length, 0);
    assert.deepEqual(logs.calls, []);
  });
});
