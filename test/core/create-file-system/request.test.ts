import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { differenceOf, readiness, removalCommands } from "../../../src/core/create-file-system/created.ts";
import { type CreationOptions, creationRequest } from "../../../src/core/create-file-system/request.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";

describe("a file system that is to be made", () => {
  test("is encrypted, and leaves all else to AWS, where nothing is said", () => {
    assert.deepEqual(creationRequest({}), {
      token: undefined,
      encrypted: true,
      kmsKeyId: undefined,
      performanceMode: undefined,
      throughputMode: undefined,
      provisionedThroughput: undefined,
      zone: undefined,
      backup: undefined,
      tags: [],
      subnets: [],
      securityGroups: [],
      accessPoint: undefined,
    });
  });

  test("is what is asked for", () => {
    const request = creationRequest({
      name: "home of all",
      kmsKeyId: "alias/efs",
      performanceMode: "generalPurpose",
      throughputMode: "provisioned",
      provisionedThroughput: "12.5",
      backup: true,
      tag: ["team=storage", "note=a=b", "empty="],
      clientToken: "my-token",
      subnetId: ["subnet-0123456789abcdef0", "subnet-1", "subnet-1"],
      securityGroupId: ["sg-0123456789abcdef0"],
      accessPointPath: "/data/of app",
      accessPointUser: "1000:1001:5:6",
      accessPointOwner: "1000:1001:0750",
    });
    assert.deepEqual(request.tags, [
      { key: "Name", value: "home of all" },
      { key: "team", value: "storage" },
      { key: "note", value: "a=b" },
      { key: "empty", value: "" },
    ]);
    assert.deepEqual(request.subnets, ["subnet-0123456789abcdef0", "subnet-1"]);
    assert.deepEqual(request.accessPoint, {
      path: "/data/of app",
      user: { uid: 1000, gid: 1001, others: [5, 6] },
      owner: { uid: 1000, gid: 1001, mode: "0750" },
    });
    assert.deepEqual(
      [request.kmsKeyId, request.provisionedThroughput, request.backup, request.token],
      ["alias/efs", 12.5, true, "my-token"],
    );
  });

  test("without encryption is asked for by name", () => {
    assert.equal(creationRequest({ unencrypted: true }).encrypted, false);
  });

  const REFUSED: [options: CreationOptions, says: RegExp][] = [
    [{ unencrypted: true, kmsKeyId: "k" }, /--unencrypted and --kms-key-id exclude each other/],
    [{ kmsKeyId: "a key" }, /--kms-key-id "a key"/],
    [{ kmsKeyId: "" }, /--kms-key-id ""/],
    [{ throughputMode: "provisioned" }, /belong together/],
    [{ provisionedThroughput: "5" }, /belong together/],
    [
      { throughputMode: "provisioned", provisionedThroughput: "0" },
      /--provisioned-throughput "0".*MiB\/s, 1/,
    ],
    [{ throughputMode: "fast" }, /must be bursting, provisioned, elastic/],
    [{ performanceMode: "maxIO", throughputMode: "elastic" }, /maxIO is not for elastic/],
    [{ performanceMode: "maxIO", availabilityZone: "us-east-1a" }, /maxIO is not for .* a single zone/],
    [{ securityGroupId: ["sg-1"] }, /--security-group-id is for mount targets, and there are none/],
    [{ subnetId: ["subnet-1"], securityGroupId: ["1", "2", "3", "4", "5", "6"] }, /no more than 5 security/],
    [{ subnetId: ["10.0.0.0/24"] }, /--subnet-id "10\.0\.0\.0\/24".*subnet-0123456789abcdef0/],
    [{ availabilityZone: "us-east-1a", subnetId: ["subnet-1", "subnet-2"] }, /one mount target at most/],
    [{ name: "a", tag: ["Name=b"] }, /--name and --tag Name/],
    [{ tag: ["a=1", "a=2"] }, /--tag a stands there twice/],
    [{ tag: ["a"] }, /--tag "a".*KEY=VALUE/],
    [{ tag: ["aws:x=1"] }, /not of aws:/],
    [{ tag: Array.from({ length: 51 }, (_, index) => `t${index}=`) }, /more than 50 tags/],
    [{ clientToken: "x".repeat(65) }, /--client-token .*1 to 64/],
    [{ accessPointPath: "data" }, /--access-point-path "data".*absolute/],
    [{ accessPointPath: "/a/../b" }, /--access-point-path/],
    [{ accessPointPath: "/1/2/3/4/5" }, /no more than 4 directories/],
    [{ accessPointUser: "root" }, /--access-point-user "root".*UID:GID/],
    [{ accessPointUser: "4294967296:1" }, /--access-point-user/],
    [{ accessPointOwner: "0:0:755" }, /a directory that has to be made, and \/ is there/],
    [{ accessPointPath: "/d", accessPointOwner: "0:0:999" }, /--access-point-owner "0:0:999"/],
  ];
  for (const [options, says] of REFUSED) {
    test(`with ${JSON.stringify(options).slice(0, 90)} is refused`, () => {
      assertProblem(() => creationRequest(options), "usage", says);
    });
  }

  test("is refused or read, whatever is written, and nothing unclean is in it", () => {
    const texts = fc.option(fc.string(), { nil: undefined });
    const options = fc.record({
      name: texts,
      kmsKeyId: texts,
      availabilityZone: texts,
      clientToken: texts,
      accessPointPath: texts,
      accessPointUser: texts,
      tag: fc.array(fc.string(), { maxLength: 3 }),
      subnetId: fc.array(fc.string(), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(options, (written) => {
        let request: unknown;
        const problem = problemOf(() => {
          request = creationRequest(written as CreationOptions);
        });
        if (problem !== undefined) assert.equal(problem.kind, "usage");
        else assert.doesNotMatch(JSON.stringify(request), /\\u00[01]/);
      }),
    );
  });
});

describe("a file system that was made", () => {
  const ARN = "arn:aws:kms:us-east-1:1:key/1234abcd-12ab-34cd-56ef-1234567890ab";

  test("is compared with what was asked for, as far as that can be told", () => {
    const is = { encrypted: true, keyId: ARN };
    for (const kmsKeyId of [
      undefined,
      ARN,
      ARN.split("/")[1],
      "alias/efs",
      "arn:aws:kms:us-east-1:1:alias/efs",
    ])
      assert.equal(differenceOf({ encrypted: true, kmsKeyId }, is), undefined, kmsKeyId);
    const wanted = { encrypted: true, kmsKeyId: undefined };
    assert.match(differenceOf({ ...wanted, kmsKeyId: "other" }, is) ?? "", /is encrypted with arn:/);
    assert.match(differenceOf(wanted, { ...is, encrypted: false }) ?? "", /is not encrypted/);
    assert.match(differenceOf(wanted, { ...is, encrypted: undefined }) ?? "", /is not encrypted/);
    assert.match(differenceOf({ ...wanted, encrypted: false }, is) ?? "", /is encrypted at rest/);
  });

  test("is removed from the inside out", () => {
    const commands = removalCommands({
      fileSystem: "fs-1",
      region: "eu-west-1",
      token: "t",
      mountTargets: [{ id: "fsmt-1", subnet: "subnet-1", state: "available" }],
      accessPoint: { id: "fsap-1", path: "/", state: "available" },
    });
    assert.deepEqual(commands, [
      "aws efs delete-access-point --region eu-west-1 --access-point-id fsap-1",
      "aws efs delete-mount-target --region eu-west-1 --mount-target-id fsmt-1",
      "aws efs delete-file-system --region eu-west-1 --file-system-id fs-1",
    ]);
  });

  test("is waited for while it is coming, and not where it will never come", () => {
    assert.deepEqual(
      ["available", "creating", "updating", undefined, "error", "deleting", "deleted"].map(readiness),
      ["ready", "coming", "coming", "coming", "failed", "failed", "failed"],
    );
  });
});
