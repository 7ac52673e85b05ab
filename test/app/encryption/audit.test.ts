import assert from "node:assert/strict";
import { after, afterEach, before, describe, type TestContext, test } from "node:test";
import { ApiAccess } from "../../../src/app/encryption/access.ts";
import { auditEncryption } from "../../../src/app/encryption/audit.ts";
import { failedRegions } from "../../../src/core/encryption/audit.ts";
import { oneLine } from "../../../src/core/errors.ts";
import { ec2Error } from "../../fakes/ec2-api.ts";
import { efsError } from "../../fakes/efs-account.ts";
import { encryptedAccount, FILE_SYSTEMS } from "../../fakes/encrypted-account.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { hurry } from "../../fakes/hurry.ts";
import { SILENT } from "../../fakes/service.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { problemOf } from "../../support/problem.ts";

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
const { encrypted, plain, endangered, managed, elsewhere } = FILE_SYSTEMS;
let apis: Awaited<ReturnType<typeof encryptedAccount>>;

const audit = (allRegions = false, region?: string) =>
  auditEncryption(new ApiAccess({ region }, "/none.conf", process.env), { allRegions });

const THROTTLED = efsError(429, "ThrottlingException", "Rate exceeded");

/** Lets the waits between calls be short; the limit of all of them stays, for none is to be hit. */
const retrySoon = (t: TestContext) => hurry(t, 20_000);

describe("encryption audit", () => {
  before(async () => {
    apis = await encryptedAccount(group);
    forgetAws(group);
    setEnvironment(group, { ...apis.environment, HOME: temporaryDirectory(group, "home") });
  });
  afterEach(() => {
    apis.account.intercept = () => undefined;
    apis.account.pageSize = 100;
    apis.regions.answer = ["us-east-1", "eu-west-1"];
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  const ids = (found: Awaited<ReturnType<typeof audit>>) =>
    found.regions.map((one) => [
      one.region,
      ...("fileSystems" in one ? one.fileSystems.map(({ id }) => id) : ["failed"]),
    ]);

  test("has all file systems of the region, whatever their pages", async () => {
    for (const size of [100, 1, 2, 3]) {
      apis.account.pageSize = size;
      assert.deepEqual(ids(await audit()), [["us-east-1", encrypted, plain, endangered, managed]]);
    }
    const { encrypted: yes, notEncrypted: no, notKnown } = await audit();
    assert.deepEqual([yes, no, notKnown], [3, 1, 0]);
  });

  test("of another region is asked there", async () => {
    assert.deepEqual(ids(await audit(false, "eu-west-1")), [["eu-west-1", elsewhere]]);
  });

  test("of all regions has those that EC2 tells, in their order", async () => {
    apis.regions.answer = ["us-east-1", "sa-east-1", "eu-west-1"];
    assert.deepEqual(ids(await audit(true)), [
      ["eu-west-1", elsewhere],
      ["sa-east-1"],
      ["us-east-1", encrypted, plain, endangered, managed],
    ]);
  });

  test("asks no more than four regions at the same time", async () => {
    apis.regions.answer = Array.from({ length: 12 }, (_, index) => `xx-east-${index + 1}`);
    let [running, most] = [0, 0];
    apis.account.intercept = () => (response) => {
      running += 1;
      most = Math.max(most, running);
      setTimeout(() => {
        running -= 1;
        response.writeHead(200, { "content-type": "application/json" }).end('{"FileSystems":[]}');
      }, 20);
    };
    assert.equal((await audit(true)).regions.length, 12);
    assert.equal(most, 4);
  });

  test("asks again, later and later, where it is asked too often", async (t) => {
    retrySoon(t);
    let calls = 0;
    apis.account.intercept = () => (++calls < 6 ? THROTTLED : undefined);
    assert.equal((await audit()).encrypted, 3);
    assert.equal(calls, 6);
  });

  test("gives up in the end where it is always asked too often, and says so", async (t) => {
    retrySoon(t);
    let calls = 0;
    apis.account.intercept = () => {
      calls += 1;
      return THROTTLED;
    };
    assert.match(failedRegions(await audit())[0]?.error ?? "", /the EFS API is asked too often/);
    assert.ok(calls > 3 && calls < 20, `${calls} calls`);
  });

  test("of a region that fails is told there, with what to do, and the others are looked at", async () => {
    apis.account.intercept = ({ region }) =>
      region === "eu-west-1" ? efsError(403, "AccessDeniedException", "not authorized") : undefined;
    const found = await audit(true);
    assert.equal(found.encrypted, 3);
    assert.deepEqual(failedRegions(found), [
      {
        region: "eu-west-1",
        error:
          "the EFS API denies elasticfilesystem:DescribeFileSystems to this machine's credentials; allow elasticfilesystem:DescribeFileSystems in their IAM policy",
      },
    ]);
  });

  test("of a region that says nothing comes to an end", async (t) => {
    hurry(t);
    apis.account.intercept = ({ region }) => (region === "eu-west-1" ? SILENT : undefined);
    const found = await audit(true);
    assert.match(failedRegions(found)[0]?.error ?? "", /cannot be reached/);
    assert.equal(found.encrypted, 3);
  });

  test("of a region whose pages never end comes to an end", async () => {
    const endless = { FileSystems: [], NextMarker: "more" };
    apis.account.intercept = () => ({
      headers: { "content-type": "application/json" },
      body: JSON.stringify(endless),
    });
    assert.match(failedRegions(await audit())[0]?.error ?? "", /has no end of pages/);
  });

  const NO_REGIONS: [what: string, answer: typeof apis.regions.answer, says: RegExp][] = [
    [
      "EC2 denies them",
      ec2Error(403, "UnauthorizedOperation", "You are not authorized."),
      /denies ec2:DescribeRegions .*; allow ec2:DescribeRegions in their IAM policy, or audit one region with --region$/,
    ],
    ["there is none", [], /does not tell which regions there are/],
    [
      "there are more than can be",
      Array.from({ length: 1000 }, (_, index) => `xx-east-${index}`),
      /does not tell which regions/,
    ],
  ];
  for (const [what, answer, says] of NO_REGIONS) {
    test(`without regions is none, and says why: ${what}`, async () => {
      apis.regions.answer = answer;
      const settled = await audit(true).then(
        () => () => {},
        (error) => () => {
          throw error;
        },
      );
      const problem = problemOf(settled) ?? assert.fail("there are regions");
      assert.match(oneLine(problem), says);
    });
  }
});
