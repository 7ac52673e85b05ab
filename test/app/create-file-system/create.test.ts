import assert from "node:assert/strict";
import { after, afterEach, before, describe, type TestContext, test } from "node:test";
import { createFileSystem } from "../../../src/app/create-file-system/create.ts";
import type { Created } from "../../../src/core/create-file-system/created.ts";
import { type CreationOptions, creationRequest } from "../../../src/core/create-file-system/request.ts";
import { EfsError, oneLine } from "../../../src/core/errors.ts";
import type { Region } from "../../../src/core/ids.ts";
import { EfsAccount, efsError } from "../../fakes/efs-account.ts";
import { efsApi } from "../../fakes/efs-api.ts";
import { callAs } from "../../fakes/environment.ts";
import { hurry } from "../../fakes/hurry.ts";
import { sessionKeys } from "../../fakes/keys.ts";
import { HANGS_UP, type Service } from "../../fakes/service.ts";

const KEYS = sessionKeys("caller");
const REGION = "us-east-1" as Region;
const [SUBNET, OTHER_SUBNET] = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"];

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let account = new EfsAccount();
let efs: Service;

interface Attempt {
  readonly created: Created | undefined;
  /** The last that the user was told of what there is. */
  readonly made: Created | undefined;
  readonly problem: EfsError | undefined;
  readonly doing: string[];
}

/** Makes a file system as the user asks for it, and tells what came of it. */
async function create(
  options: CreationOptions = {},
  { limitMs = 60_000, signal = new AbortController().signal, doing = (_: string) => {} } = {},
): Promise<Attempt> {
  const steps: string[] = [];
  let made: Created | undefined;
  const context = {
    caller: { region: REGION, profile: undefined, fips: false },
    newToken: () => "a-new-token",
    limitMs,
    signal,
    doing: (what: string) => {
      steps.push(what);
      doing(what);
    },
    made: (now: Created) => {
      made = now;
    },
  };
  try {
    const created = await createFileSystem(creationRequest(options), context);
    return { created, made, problem: undefined, doing: steps };
  } catch (problem) {
    assert.ok(problem instanceof EfsError, problem instanceof Error ? problem.stack : String(problem));
    return { created: undefined, made, problem, doing: steps };
  }
}

/** Pauses between two looks are short; limits of calls are not. */
const soon = (t: TestContext) => hurry(t, 2000);

const bodies = (path: string) =>
  efs.calls
    .filter(({ method, path: called }) => method === "POST" && called === `/2015-02-01/${path}`)
    .map(({ body }) => JSON.parse(body));

describe("a file system is made", () => {
  before(async () => {
    const answering = new Proxy(account, { get: (_, name) => Reflect.get(account, name).bind?.(account) });
    efs = await efsApi(group, new Map(), answering);
    callAs(group, KEYS, { AWS_ENDPOINT_URL_EFS: efs.url });
  });
  afterEach(() => {
    account = new EfsAccount();
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("encrypted with AWS's key where nothing is said, and waited for until it is available", async (t) => {
    soon(t);
    const { created, problem } = await create();
    assert.equal(problem, undefined);
    const { keyId, fileSystem, ...rest } = created ?? assert.fail();
    assert.match(keyId ?? "", /^arn:aws:kms:us-east-1:/);
    assert.match(fileSystem, /^fs-[0-9a-f]{17}$/);
    assert.deepEqual(rest, {
      region: REGION,
      token: "a-new-token",
      encrypted: true,
      state: "available",
      mountTargets: [],
    });
    assert.deepEqual(bodies("file-systems").at(-1), {
      CreationToken: "a-new-token",
      Encrypted: true,
      Tags: [],
    });
  });

  test("with everything that is asked for, in the order in which it can be", async (t) => {
    soon(t);
    const { created, problem, doing } = await create({
      name: "home",
      kmsKeyId: "alias/efs",
      performanceMode: "generalPurpose",
      throughputMode: "provisioned",
      provisionedThroughput: "10",
      backup: true,
      tag: ["team=storage"],
      clientToken: "mine",
      subnetId: [SUBNET, OTHER_SUBNET],
      securityGroupId: ["sg-1", "sg-2"],
      accessPointPath: "/data",
      accessPointUser: "1000:1001:5",
      accessPointOwner: "1000:1001:750",
    });
    assert.equal(problem, undefined);
    assert.deepEqual(bodies("file-systems").at(-1), {
      CreationToken: "mine",
      Encrypted: true,
      KmsKeyId: "alias/efs",
      PerformanceMode: "generalPurpose",
      ThroughputMode: "provisioned",
      ProvisionedThroughputInMibps: 10,
      Backup: true,
      Tags: [
        { Key: "Name", Value: "home" },
        { Key: "team", Value: "storage" },
      ],
    });
    const FileSystemId = created?.fileSystem;
    assert.deepEqual(
      bodies("mount-targets").slice(-2),
      [SUBNET, OTHER_SUBNET].map((SubnetId) => ({
        FileSystemId,
        SubnetId,
        SecurityGroups: ["sg-1", "sg-2"],
      })),
    );
    assert.deepEqual(bodies("access-points").at(-1), {
      ClientToken: "mine",
      FileSystemId,
      PosixUser: { Uid: 1000, Gid: 1001, SecondaryGids: [5] },
      RootDirectory: {
        Path: "/data",
        CreationInfo: { OwnerUid: 1000, OwnerGid: 1001, Permissions: "750" },
      },
    });
    assert.deepEqual(
      created?.mountTargets.map(({ subnet, state, zone }) => [subnet, state, zone]),
      [
        [SUBNET, "available", "us-east-1a"],
        [OTHER_SUBNET, "available", "us-east-1b"],
      ],
    );
    assert.deepEqual([created?.name, created?.accessPoint?.state], ["home", "available"]);
    assert.deepEqual(
      doing.map((what) => what.replace(/^fs-\w+: /, "")),
      [
        "making the file system",
        "waiting until it is available",
        `making a mount target in ${SUBNET}`,
        `making a mount target in ${OTHER_SUBNET}`,
        "waiting until its mount targets are available",
        "making the access point",
        "waiting until the access point is available",
      ],
    );
  });

  test("once for each token: the same request goes on where an earlier one ended", async (t) => {
    soon(t);
    const first = await create({ clientToken: "mine", subnetId: [SUBNET], accessPointPath: "/" });
    const again = await create({
      clientToken: "mine",
      subnetId: [SUBNET, OTHER_SUBNET],
      accessPointPath: "/",
    });
    assert.equal(again.problem, undefined);
    assert.equal(again.created?.fileSystem, first.created?.fileSystem);
    assert.equal(again.created?.accessPoint?.id, first.created?.accessPoint?.id);
    const [kept, added] = again.created?.mountTargets ?? [];
    assert.equal(kept?.id, first.created?.mountTargets[0]?.id);
    assert.equal(added?.subnet, OTHER_SUBNET);
    assert.deepEqual(
      [account.regions.get(REGION)?.length, account.mountTargets.length, account.accessPoints.length],
      [1, 2, 1],
    );
  });

  test("and one of an earlier request that is not encrypted is not taken for it", async (t) => {
    soon(t);
    await create({ clientToken: "mine", unencrypted: true });
    const { problem, made } = await create({ clientToken: "mine", subnetId: [SUBNET] });
    assert.match(
      oneLine(problem ?? assert.fail()),
      /^fs-\w+ is not encrypted at rest, which is not what was asked for; it was made earlier with the same --client-token/,
    );
    assert.deepEqual(made?.mountTargets, []);
    assert.deepEqual(account.mountTargets, []);
  });

  test("with a token that AWS has seen, where the first call's answer was lost", async (t) => {
    soon(t);
    let isLost = false;
    account.intercept = ({ method, path }) => {
      if (isLost || method !== "POST" || !path.endsWith("/file-systems")) return undefined;
      isLost = true;
      // it is made all the same
      account.add(REGION, {
        FileSystemId: "fs-11111111",
        CreationToken: "a-new-token",
        Encrypted: true,
        LifeCycleState: "available",
      });
      return HANGS_UP;
    };
    const { created } = await create();
    assert.deepEqual([created?.fileSystem, account.regions.get(REGION)?.length], ["fs-11111111", 1]);
  });

  test("also where it is not known everywhere at once", async (t) => {
    soon(t);
    let looks = 0;
    account.intercept = ({ method, path }) =>
      method === "GET" && path.endsWith("/file-systems") && ++looks < 3
        ? efsError(404, "FileSystemNotFound", "not yet")
        : undefined;
    assert.equal((await create()).created?.state, "available");
  });

  const FAILURES: [
    what: string,
    on: RegExp,
    answer: ReturnType<typeof efsError>,
    says: RegExp,
    left: [targets: number, accessPoint: boolean] | undefined,
  ][] = [
    [
      "the account may not",
      /^POST file-systems/,
      efsError(403, "AccessDeniedException", "not authorized"),
      /denies elasticfilesystem:CreateFileSystem .*; allow elasticfilesystem:CreateFileSystem in/,
      undefined,
    ],
    [
      "the key is none",
      /^POST file-systems/,
      efsError(400, "BadRequest", "Invalid KMS key"),
      /refuses a file system: BadRequest: Invalid KMS key; correct the options/,
      undefined,
    ],
    [
      "there are too many",
      /^POST file-systems/,
      efsError(403, "FileSystemLimitExceeded", "limit"),
      /ask AWS for a higher quota of file systems/,
      undefined,
    ],
    [
      "the subnet is none",
      /^POST mount-targets/,
      efsError(400, "SubnetNotFound", "The subnet ID does not exist"),
      /refuses a mount target in subnet-0123456789abcdef0: SubnetNotFound: .*; check --subnet-id/,
      [0, false],
    ],
    [
      "the access point may not be made",
      /^POST access-points/,
      efsError(403, "AccessDeniedException", "not authorized"),
      /denies elasticfilesystem:CreateAccessPoint/,
      [1, false],
    ],
    [
      "its state may not be asked for",
      /^GET file-systems/,
      efsError(403, "AccessDeniedException", "not authorized"),
      /denies elasticfilesystem:DescribeFileSystems/,
      [0, false],
    ],
  ];
  for (const [what, on, answer, says, left] of FAILURES) {
    test(`and where ${what}, the user learns why and what there is`, async (t) => {
      soon(t);
      account.intercept = ({ method, path }) =>
        on.test(`${method} ${path.replace("/2015-02-01/", "")}`) ? answer : undefined;
      const { problem, made } = await create({ subnetId: [SUBNET], accessPointPath: "/" });
      assert.equal(problem?.kind, "system");
      assert.match(oneLine(problem ?? assert.fail()), says);
      assert.deepEqual(
        made && [made.mountTargets.length, made.accessPoint !== undefined],
        left,
        JSON.stringify(made),
      );
    });
  }

  test("and where a mount target fails, that is not waited for", async (t) => {
    soon(t);
    account.intercept = ({ method, path }) => {
      if (method === "GET" && path.endsWith("/mount-targets"))
        for (const target of account.mountTargets) target.LifeCycleState = "error";
      return undefined;
    };
    const { problem, made } = await create({ subnetId: [SUBNET] });
    assert.match(oneLine(problem ?? assert.fail()), /a mount target will not become available: it is error/);
    assert.equal(made?.mountTargets[0]?.state, "error");
  });

  test("and where it does not become available in time, the wait ends", async (t) => {
    soon(t);
    const creating = { FileSystemId: "fs-11111111", Encrypted: true, LifeCycleState: "creating" };
    account.intercept = ({ method, path }) =>
      method === "GET" && path.endsWith("/file-systems")
        ? {
            headers: { "content-type": "application/json" },
            body: JSON.stringify({
              FileSystems: [{ ...creating, FileSystemId: account.regions.get(REGION)?.[0]?.FileSystemId }],
            }),
          }
        : undefined;
    const { problem, made } = await create({}, { limitMs: 3000 });
    assert.match(
      oneLine(problem ?? assert.fail()),
      /was not available within 3 s \(--timeout\); it may become/,
    );
    assert.equal(made?.state, "creating");
  });

  test("and where the user interrupts, the wait ends, and it is told what there is", async () => {
    const controller = new AbortController();
    const reason = new EfsError("interrupted", "interrupted by SIGINT");
    const { problem, made } = await create(
      { subnetId: [SUBNET] },
      {
        signal: controller.signal,
        doing: (what) => {
          if (what.includes("waiting")) controller.abort(reason);
        },
      },
    );
    assert.equal(problem, reason);
    assert.match(made?.fileSystem ?? "", /^fs-/);
    assert.deepEqual(account.mountTargets, []);
  });
});
