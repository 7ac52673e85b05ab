import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig, settings } from "../../../src/core/config/config.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { type EndedMount, mountEvent } from "../../../src/core/report/mount-event.ts";
import { parseInvocation } from "../../../src/core/request/request.ts";

interface Given {
  readonly device?: string;
  readonly options?: string;
  readonly config?: string;
  readonly environment?: Record<string, string>;
  readonly target?: Partial<ResolvedTarget>;
}

function eventOf({ device = "fs-1", options = "tls", config = "", environment = {}, target }: Given) {
  const invocation = parseInvocation([device, "/mnt", "-o", options], "/");
  if (invocation.kind !== "mount") throw new Error("that is no mount");
  const mount: EndedMount = {
    request: invocation.request,
    target: target as ResolvedTarget | undefined,
    environment,
    settings: settings(parseConfig(config, "f")),
    time: 1,
    message: "said",
  };
  return mountEvent(mount);
}

test("an event has its mount's file system, time and message, and the settings", () => {
  const config = "[cloudwatch-log]\nlog_group_name = /a/{fs_id}/{fs_id}\nretention_in_days = 30";
  assert.deepEqual(eventOf({ config, options: "tls,iam,awsprofile=p,region=eu-west-3" }), {
    fsId: "fs-1",
    region: "eu-west-3",
    otherRegion: undefined,
    group: "/a/fs-1/fs-1",
    retentionDays: 30,
    profile: "p",
    time: 1,
    message: "said",
  });
});

const NAME = "fs-2.efs.eu-west-1.amazonaws.com";
const TARGET = { fsId: "fs-3", region: "us-east-1" } as Partial<ResolvedTarget>;

const SOURCES: [what: string, given: Given, fsId: string, region: string | undefined, other?: string][] = [
  [
    "what was found",
    { device: NAME, options: "region=eu-west-3", target: TARGET },
    "fs-3",
    "us-east-1",
    "eu-west-1",
  ],
  ["what was found of an alias", { device: "files.example", target: TARGET }, "fs-3", "us-east-1"],
  ["the environment", { environment: { AWS_REGION: "eu-west-3" } }, "fs-1", "eu-west-3"],
  ["the configuration", { config: "[mount]\nregion = eu-west-3" }, "fs-1", "eu-west-3"],
  ["the instance, or the device's name", { device: NAME }, "fs-2", undefined, "eu-west-1"],
  ["the instance alone", {}, "fs-1", undefined],
  [
    "the instance, where what is named is no region",
    { environment: { AWS_REGION: "x y" } },
    "fs-1",
    undefined,
  ],
  [
    "the instance, or a region spelled out in the format",
    { config: "[mount]\ndns_name_format = {fs_id}.efs.eu-west-2.amazonaws.com" },
    "fs-1",
    undefined,
    "eu-west-2",
  ],
];
for (const [what, given, fsId, region, other] of SOURCES) {
  test(`an event is published where ${what} says`, () => {
    const event = eventOf(given);
    assert.deepEqual([event?.fsId, event?.region, event?.otherRegion], [fsId, region, other]);
  });
}

test("there is no event of an alias that led nowhere", () => {
  assert.equal(eventOf({ device: "files.example" }), undefined);
});
