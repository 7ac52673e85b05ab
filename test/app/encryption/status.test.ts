import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { ApiAccess } from "../../../src/app/encryption/access.ts";
import { encryptionStatus } from "../../../src/app/encryption/status.ts";
import { encryptionOutcome } from "../../../src/core/encryption/status.ts";
import { encryptedAccount, FILE_SYSTEMS } from "../../fakes/encrypted-account.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { kmsError } from "../../fakes/kms-api.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { assertProblem } from "../../support/problem.ts";
import { mountEntry, Rig } from "../../support/watchdog-rig.ts";

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let apis: Awaited<ReturnType<typeof encryptedAccount>>;

/** A machine with mounts of its own. */
function machine(t: TestContext) {
  const rig = new Rig(t);
  const logDirectory = mkdtempSync(join(tmpdir(), "efs-logs-"));
  t.after(() => rmSync(logDirectory, { recursive: true }));
  const context = {
    paths: { stateDirectory: rig.directory, logDirectory },
    kernel: rig.kernel,
    answerLimitMs: 1,
  };
  const look = async (ids: string[] = [], options = {}) =>
    encryptionStatus(ids, context, new ApiAccess(options, "/none.conf", process.env));
  return { rig, look };
}

/** A mount without a tunnel. */
function plainMount(rig: Rig, mountPoint: string, id: string, region = "us-east-1"): void {
  const entry = mountEntry(mountPoint, 1);
  const source = `${id}.efs.${region}.amazonaws.com:/`;
  rig.mounts.set(mountPoint, { ...entry, source, superOptions: "rw,addr=127.0.0.9" });
}

describe("encryption status", () => {
  before(async () => {
    apis = await encryptedAccount(group);
    forgetAws(group);
    setEnvironment(group, { ...apis.environment, HOME: temporaryDirectory(group, "home") });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("tells of mounts in transit, and of their file systems at rest", async (t) => {
    const { rig, look } = machine(t);
    const tunnel = await rig.tunnel({ state: { fsId: FILE_SYSTEMS.encrypted } });
    const config = readFileSync(tunnel.paths.stunnelConfig, "utf8");
    const verified = config.replace("verify = 0", "verify = 2\ncheckHost = x\nOCSPaia = yes");
    writeFileSync(tunnel.paths.stunnelConfig, verified);
    plainMount(rig, "/mnt/plain", FILE_SYSTEMS.plain);
    rig.mounts.set("/mnt/other", mountEntry("/mnt/other", 4000));
    const status = await look();
    assert.deepEqual(
      status.inTransit.map(({ mountPoint, fileSystem, protection, problems }) => [
        mountPoint,
        fileSystem,
        protection,
        problems.length,
      ]),
      [
        ["/mnt/efs1", FILE_SYSTEMS.encrypted, "tls", 0],
        ["/mnt/plain", FILE_SYSTEMS.plain, "plain", 1],
        ["/mnt/other", undefined, "foreign", 0],
      ],
    );
    assert.deepEqual(status.inTransit[0]?.checks, { chain: true, hostName: true, revocation: true });
    assert.deepEqual(
      status.atRest.map(({ fileSystem, encrypted, key, problems }) => [
        fileSystem,
        encrypted,
        key?.state,
        problems.length,
      ]),
      [
        [FILE_SYSTEMS.encrypted, true, "Enabled", 0],
        [FILE_SYSTEMS.plain, false, undefined, 1],
      ],
    );
    assert.equal(encryptionOutcome(status), "findings");
  });

  test("asks in the region of the name that a file system is mounted by", async (t) => {
    const { rig, look } = machine(t);
    plainMount(rig, "/mnt/abroad", FILE_SYSTEMS.elsewhere, "eu-west-1");
    const [found] = (await look()).atRest;
    assert.deepEqual([found?.region, found?.encrypted], ["eu-west-1", true]);
  });

  test("of file systems that are named tells of these alone, whether they are mounted or not", async (t) => {
    const { rig, look } = machine(t);
    plainMount(rig, "/mnt/plain", FILE_SYSTEMS.plain);
    const status = await look([FILE_SYSTEMS.endangered, FILE_SYSTEMS.managed]);
    assert.deepEqual(status.inTransit, []);
    const [endangered, managed] = status.atRest;
    assert.deepEqual(
      endangered?.problems.map(
        ({ what }) => /to be deleted|does not give|do not give|no grant/.exec(what)?.[0],
      ),
      ["to be deleted", "do not give", "no grant"],
    );
    assert.deepEqual([managed?.key?.manager, managed?.problems], ["aws", []]);
  });

  test("is healthy where all is encrypted, and asks nobody where nothing is mounted", async (t) => {
    const { look } = machine(t);
    assert.equal(encryptionOutcome(await look([FILE_SYSTEMS.managed])), "healthy");
    const before = apis.efs.calls.length;
    assert.equal(encryptionOutcome(await look()), "healthy");
    assert.equal(apis.efs.calls.length, before);
  });

  test("says what it could not look at, and that counts where nothing else is found", async (t) => {
    const { look } = machine(t);
    const status = await look([FILE_SYSTEMS.managed, "fs-99999999"]);
    assert.match(
      status.atRest[1]?.unread[0] ?? "",
      /does not know fs-99999999 in this account; check its id/,
    );
    assert.equal(encryptionOutcome(status), "could not look");
  });

  test("is told as far as KMS lets it", async (t) => {
    const { look } = machine(t);
    const key = [...apis.keys.values()][0] ?? assert.fail();
    apis.keys.set(key.Arn, { ...key, instead: { GetKeyPolicy: kmsError("AccessDeniedException") } });
    t.after(() => apis.keys.set(key.Arn, key));
    const status = await look([FILE_SYSTEMS.encrypted]);
    const [found] = status.atRest;
    assert.deepEqual([found?.encrypted, found?.key?.state, found?.key?.grants], [true, "Enabled", 1]);
    assert.match(found?.unread[0] ?? "", /allow kms:GetKeyPolicy/);
    assert.equal(encryptionOutcome(status), "could not look");
  });

  const REFUSED: [what: string, ids: string[], options: object, kind: "usage" | "config", says: RegExp][] = [
    ["an id that is none", ["home"], {}, "usage", /"home" is no file system's id/],
    ["a region that is none", [FILE_SYSTEMS.plain], { region: "Europe" }, "usage", /"Europe" is no region/],
  ];
  for (const [what, ids, options, kind, says] of REFUSED) {
    test(`refuses ${what}`, async (t) => {
      const { look } = machine(t);
      const settled = await look(ids, options).then(
        ({ atRest }) =>
          () =>
            assert.fail(JSON.stringify(atRest)),
        (error) => () => {
          throw error;
        },
      );
      assertProblem(settled, kind, says);
    });
  }

  test("without a region says how to name it, of each file system", async (t) => {
    setEnvironment(t, { AWS_REGION: undefined });
    const { look } = machine(t);
    const { atRest } = await look([FILE_SYSTEMS.plain]);
    assert.match(atRest[0]?.unread[0] ?? "", /the region to ask is not known; name it with --region/);
  });
});
