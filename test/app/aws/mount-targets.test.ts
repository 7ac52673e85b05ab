import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { after, before, describe, type TestContext, test } from "node:test";
import { findMountTargetAddress, type MountTargetSearch } from "../../../src/app/aws/mount-targets.ts";
import { oneLine } from "../../../src/core/errors.ts";
import { parseFileSystemId, parseRegion } from "../../../src/core/ids.ts";
import { Metadata } from "../../../src/system/metadata.ts";
import { ec2Api, ec2Error } from "../../fakes/ec2-api.ts";
import { type DescribedTarget, efsApi, efsError } from "../../fakes/efs-api.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { hurry } from "../../fakes/hurry.ts";
import { type Instance, instanceMetadata } from "../../fakes/instance.ts";
import { SECRET_MARK, sessionKeys, TOKEN_MARK } from "../../fakes/keys.ts";
import { addAddresses, inNamespaces } from "../../fakes/namespaces.ts";
import { type Answer, HANGS_UP, type Service, SILENT, UNENDING } from "../../fakes/service.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { problemOf } from "../../support/problem.ts";

const KEYS = sessionKeys("caller");
const [LISTENS, LISTENS_TOO, CLOSED, IPV6] = ["127.0.0.5", "127.0.0.7", "127.0.0.6", "fd00::5"];
const NFS_PORT = 2049;

const A = { AvailabilityZoneName: "us-east-1a", AvailabilityZoneId: "use1-az1" };
const B = { AvailabilityZoneName: "us-east-1b", AvailabilityZoneId: "use1-az2" };

function described(change: Partial<DescribedTarget> = {}): DescribedTarget {
  return { MountTargetId: "fsmt-1", IpAddress: LISTENS, LifeCycleState: "available", ...A, ...change };
}

/** One that tells its zone by id alone. */
function byId(change: Partial<DescribedTarget> = {}): DescribedTarget {
  const { AvailabilityZoneName: _, ...rest } = described(change);
  return rest;
}

const fileSystems = new Map<string, readonly DescribedTarget[] | Answer>();
const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let efs: Service;
let ec2: Service;

/** Has the API know a file system that no other test has; its id. */
function fileSystem(known: readonly DescribedTarget[] | Answer): string {
  const id = `fs-${(fileSystems.size + 1).toString(16).padStart(8, "0")}`;
  fileSystems.set(id, known);
  return id;
}

const NO_METADATA = new Metadata({ disableToken: false, environment: { AWS_EC2_METADATA_DISABLED: "true" } });

async function metadataOf(t: TestContext, instance: Instance): Promise<Metadata> {
  const { url } = await instanceMetadata(t, instance);
  return new Metadata({ disableToken: false, environment: { AWS_EC2_METADATA_SERVICE_ENDPOINT: url } });
}

function find(id: string, change: Partial<MountTargetSearch> = {}): Promise<string> {
  const [fsId, region] = [parseFileSystemId(id), parseRegion("us-east-1")];
  assert.ok(fsId !== undefined && region !== undefined);
  const search = { fsId, region, zone: undefined, profile: undefined, fips: false, metadata: NO_METADATA };
  return findMountTargetAddress({ ...search, ...change });
}

/** What the user reads where no address is found. */
async function refused(id: string, change: Partial<MountTargetSearch> = {}): Promise<string> {
  const settled = await find(id, change).then(
    (address) => () => address,
    (error) => () => {
      throw error;
    },
  );
  const problem = problemOf(settled);
  assert.ok(problem !== undefined, "an address was found");
  assert.equal(problem.kind, "mount");
  assert.ok(problem.hint !== undefined, problem.message);
  const line = oneLine(problem);
  for (const secret of [SECRET_MARK, TOKEN_MARK, KEYS.accessKeyId])
    assert.ok(!line.includes(secret), `${line} holds ${secret}`);
  assert.ok(line.length < 600, `${line.length} characters`);
  return line;
}

const asked = (api: Service, id: string) => api.calls.filter(({ path }) => path.endsWith(`=${id}`)).length;

async function listen(address: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(NFS_PORT, address);
  await once(server, "listening");
  return server;
}

await inNamespaces([], () => {
  before(async () => {
    addAddresses(`${IPV6}/128`);
    for (const address of [LISTENS, LISTENS_TOO, IPV6]) {
      const server = await listen(address);
      group.after(() => server.close());
    }
    efs = await efsApi(group, fileSystems);
    ec2 = await ec2Api(group, {
      "us-east-1b": "use1-az2",
      "us-east-1c": "use1-az3",
      "us-east-1d": ec2Error(403, "UnauthorizedOperation", "You are not authorized."),
      "us-east-1e": ec2Error(503, "RequestLimitExceeded", "Request limit exceeded."),
    });
    forgetAws(group);
    setEnvironment(group, {
      HOME: temporaryDirectory(group, "home"),
      AWS_ENDPOINT_URL_EFS: efs.url,
      AWS_ENDPOINT_URL_EC2: ec2.url,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_SESSION_TOKEN: KEYS.sessionToken,
    });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  describe("the address is that of the mount target", () => {
    const inBoth = [described(), described({ MountTargetId: "fsmt-2", IpAddress: LISTENS_TOO, ...B })];

    test("in the instance's zone, by its id", async (t) => {
      const metadata = await metadataOf(t, { zone: "us-east-1a", zoneId: "use1-az2" });
      const id = fileSystem(inBoth);
      assert.equal(await find(id, { metadata }), LISTENS_TOO);
      assert.equal(asked(efs, id), 1);
    });

    test("in the instance's zone, by its name", async (t) => {
      const metadata = await metadataOf(t, { zone: "us-east-1b" });
      assert.equal(await find(fileSystem(inBoth), { metadata }), LISTENS_TOO);
    });

    test("in another zone, where the instance's has none", async (t) => {
      const metadata = await metadataOf(t, { zone: "us-east-1c", zoneId: "use1-az3" });
      assert.equal(await find(fileSystem(inBoth), { metadata }), LISTENS);
    });

    test("in any zone, where the machine's is not known", async () => {
      assert.equal(await find(fileSystem(inBoth)), LISTENS);
    });

    test("in the zone that the user named, with one request and none to EC2", async () => {
      const [id, before] = [fileSystem(inBoth), ec2.calls.length];
      assert.equal(await find(id, { zone: { name: "us-east-1b" } }), LISTENS_TOO);
      assert.deepEqual([asked(efs, id), ec2.calls.length - before], [1, 0]);
    });

    test("in the zone of another account that the user named by its id", async () => {
      assert.equal(await find(fileSystem(inBoth), { zone: { id: "use1-az2" } }), LISTENS_TOO);
    });

    test("in the zone that the user named, by the id that EC2 knows, with one request to each", async () => {
      const [id, before] = [
        fileSystem([byId(), byId({ MountTargetId: "fsmt-2", IpAddress: LISTENS_TOO, ...B })]),
        ec2.calls.length,
      ];
      assert.equal(await find(id, { zone: { name: "us-east-1b" } }), LISTENS_TOO);
      assert.deepEqual([asked(efs, id), ec2.calls.length - before], [1, 1]);
    });

    test("of its second family, where the first does not answer", async () => {
      const { IpAddress: _, ...ipv6Only } = described({ Ipv6Address: IPV6 });
      assert.equal(await find(fileSystem([described({ IpAddress: CLOSED, Ipv6Address: IPV6 })])), IPV6);
      assert.equal(await find(fileSystem([ipv6Only])), IPV6);
    });

    test("that is available, of several", async () => {
      const targets = [described({ LifeCycleState: "deleting", IpAddress: CLOSED }), described(B)];
      assert.equal(await find(fileSystem(targets)), LISTENS);
    });

    test("that the API tells at the second try, where it was throttled at the first", async () => {
      const replies = [efsError(429, "ThrottlingException", "Rate exceeded")];
      const id = fileSystem((response) => {
        const targets = { MountTargets: [described()] };
        const { status = 200, headers, body } = replies.shift() ?? { body: JSON.stringify(targets) };
        response.writeHead(status, headers).end(body);
      });
      assert.equal(await find(id), LISTENS);
      assert.equal(asked(efs, id), 2);
    });
  });

  /** What the API answers, and what the user reads: each failure in words of its own, with its remedy. */
  const FAILURES: [what: string, known: readonly DescribedTarget[] | Answer, ...says: RegExp[]][] = [
    ["there is none", [], /has no mount target in us-east-1/, /create one in this VPC/],
    [
      "none is available",
      [
        described({ LifeCycleState: "creating" }),
        described({ MountTargetId: "fsmt-2", LifeCycleState: "error" }),
      ],
      /no mount target of fs-\w+ is available: fsmt-1 is creating, fsmt-2 is error/,
      /wait until/,
    ],
    [
      "its port is closed",
      [described({ IpAddress: CLOSED })],
      /fsmt-1 of fs-\w+ \(127\.0\.0\.6\) does not accept connections on port 2049/,
      /security group/,
    ],
    [
      "the API denies it",
      efsError(403, "AccessDeniedException", "User: arn:aws:iam::1:user/u is not authorized"),
      /EFS API denies elasticfilesystem:DescribeMountTargets/,
      /IAM policy/,
    ],
    [
      "the API knows no such file system",
      efsError(404, "FileSystemNotFound", "File system does not exist."),
      /file system fs-\w+ does not exist in us-east-1/,
      /check its id and region/,
    ],
    [
      "the API throttles",
      efsError(429, "ThrottlingException", "Rate exceeded"),
      /EFS API is asked too often/,
      /try again after a while/,
    ],
    [
      "the API does not know the keys",
      efsError(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
      /EFS API does not accept this machine's credentials: The security token/,
      /correct/,
    ],
    [
      "the keys have expired",
      efsError(403, "ExpiredTokenException", "The security token included in the request is expired"),
      /EFS API does not accept this machine's credentials: The security token .* expired/,
      /correct/,
    ],
    [
      "the signature is wrong, and the API tells what it should have been made of",
      efsError(
        403,
        "InvalidSignatureException",
        `The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'GET\n/2015-02-01/mount-targets\nx-amz-security-token:${KEYS.sessionToken}\n'`,
      ),
      /EFS API does not accept this machine's credentials: The request signature .* you provided\./,
      /clock/,
    ],
    [
      "the API has an error of its own",
      efsError(500, "InternalServerError", "An internal error occurred"),
      /EFS API failed: InternalServerError An internal error occurred/,
      /mounttargetip=IP/,
    ],
    [
      "what answers is no API",
      { status: 200, headers: { "content-type": "text/html" }, body: `<html>${"x".repeat(100_000)}` },
      /EFS API failed/,
      /mounttargetip=IP/,
    ],
    [
      "what answers has a long and binary error",
      efsError(400, "BadRequest", `\u0007${"x".repeat(100_000)}`),
      /EFS API failed: BadRequest/,
      /mounttargetip=IP/,
    ],
    ["the API hangs up", HANGS_UP, /EFS API in us-east-1 cannot be reached/, /a VPC endpoint or a proxy/],
  ];
  describe("there is no address, and the user reads why, where", () => {
    for (const [what, known, ...says] of FAILURES) {
      test(what, async () => {
        const line = await refused(fileSystem(known));
        for (const part of says) assert.match(line, part);
      });
    }

    for (const [what, answer] of [
      ["says nothing", SILENT],
      ["never ends its answer", UNENDING],
    ] as const) {
      test(`the API ${what}`, async (t) => {
        hurry(t);
        const line = await refused(fileSystem(answer));
        assert.match(line, /EFS API in us-east-1 cannot be reached: .+a VPC endpoint or a proxy/);
      });
    }

    test("nobody is where the API should be", async (t) => {
      setEnvironment(t, { AWS_ENDPOINT_URL_EFS: `http://${CLOSED}:1` });
      assert.match(await refused(fileSystem([])), /EFS API in us-east-1 cannot be reached: \S.*ECONNREFUSED/);
    });

    test("the API's name does not resolve", async (t) => {
      setEnvironment(t, { AWS_ENDPOINT_URL_EFS: undefined });
      const line = await refused(fileSystem([]));
      assert.match(line, /cannot be reached: .*elasticfilesystem\.us-east-1\.amazonaws\.com/);
    });

    test("there are no credentials", async (t) => {
      setEnvironment(t, { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });
      const id = fileSystem([]);
      const line = await refused(id);
      assert.match(line, /EFS API cannot be asked .*, since this machine has no credentials: /);
      assert.match(line, /elasticfilesystem:DescribeMountTargets, or name the address with mounttargetip=IP/);
      assert.equal(asked(efs, id), 0);
    });

    test("the profile that the user named is not there, whatever other keys there are", async () => {
      assert.match(
        await refused(fileSystem([]), { profile: "nobody" }),
        /since profile nobody has no credentials/,
      );
    });

    test("the zone that the user named has none", async () => {
      const before = ec2.calls.length;
      const line = await refused(fileSystem([described(), described(B)]), { zone: { name: "us-east-1c" } });
      assert.equal(ec2.calls.length, before);
      assert.match(line, /no mount target in zone us-east-1c, only in us-east-1a, us-east-1b/);
      assert.match(line, /without naming a zone/);
    });

    test("the one in the zone that the user named is not available", async () => {
      const targets = [described(), described({ MountTargetId: "fsmt-2", LifeCycleState: "creating", ...B })];
      const line = await refused(fileSystem(targets), { zone: { name: "us-east-1b" } });
      assert.match(line, /is available: fsmt-2 is creating/);
    });

    test("the zone of another account that the user named has none", async () => {
      const line = await refused(fileSystem([described(), described(B)]), { zone: { id: "use1-az9" } });
      assert.match(line, /no mount target in zone use1-az9, only in use1-az1, use1-az2/);
    });

    test("EC2 does not know the zone that the user named", async () => {
      const line = await refused(fileSystem([byId()]), { zone: { name: "us-east-1z" } });
      assert.match(line, /no mount target in zone us-east-1z, only in use1-az1/);
    });

    test("EC2 denies to tell the zone's id", async () => {
      const line = await refused(fileSystem([byId()]), { zone: { name: "us-east-1d" } });
      assert.match(line, /EC2 API denies ec2:DescribeAvailabilityZones/);
    });

    test("EC2 throttles", async () => {
      const line = await refused(fileSystem([byId()]), { zone: { name: "us-east-1e" } });
      assert.match(line, /EC2 API is asked too often/);
    });
  });
});
