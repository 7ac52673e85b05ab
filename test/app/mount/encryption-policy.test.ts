import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { requireEncryptionAtRest } from "../../../src/app/mount/encryption-policy.ts";
import { oneLine } from "../../../src/core/errors.ts";
import type { FileSystemId, Region } from "../../../src/core/ids.ts";
import { EfsAccount, efsError } from "../../fakes/efs-account.ts";
import { efsApi } from "../../fakes/efs-api.ts";
import { callAs, setEnvironment } from "../../fakes/environment.ts";
import { hurry } from "../../fakes/hurry.ts";
import { sessionKeys } from "../../fakes/keys.ts";
import { type Answer, HANGS_UP, type Service, SILENT } from "../../fakes/service.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { problemOf } from "../../support/problem.ts";

const KEYS = sessionKeys("caller");
const [ENCRYPTED, PLAIN, UNTOLD] = ["fs-11111111", "fs-22222222", "fs-33333333"];
const KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const NOW = Date.parse("2026-11-24T20:00:00Z");

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
const account = new EfsAccount();
let efs: Service;

/** A directory that remembers nothing yet. */
const memoryOf = (t: TestContext) => join(temporaryDirectory(t, "at-rest"), "memory");

/** What a mount of a file system is told, and how often the API was asked for it. */
async function ask(t: TestContext, id: string, memory = memoryOf(t)) {
  const before = efs.calls.length;
  const steps: string[] = [];
  const region = "us-east-1" as Region;
  const target = { fsId: id as FileSystemId, region, dnsName: "", certificateName: "", address: undefined };
  const context = {
    paths: { atRestMemory: memory },
    now: () => new Date(NOW),
    step: (what: string) => void steps.push(what),
  };
  const caller = { region, profile: undefined, fips: false };
  const settled = await requireEncryptionAtRest(target, caller, context).then(
    () => () => {},
    (error: unknown) => () => {
      throw error;
    },
  );
  const problem = problemOf(settled);
  return {
    kind: problem?.kind,
    line: problem && oneLine(problem),
    steps,
    calls: efs.calls.length - before,
  };
}

describe("require_encryption_at_rest", () => {
  before(async () => {
    efs = await efsApi(group, new Map(), account);
    account.add(
      "us-east-1",
      { FileSystemId: ENCRYPTED, Encrypted: true, KmsKeyId: KEY, LifeCycleState: "available" },
      { FileSystemId: PLAIN, Encrypted: false, LifeCycleState: "available" },
      { FileSystemId: UNTOLD, LifeCycleState: "available" },
    );
    callAs(group, KEYS, { AWS_ENDPOINT_URL_EFS: efs.url });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("asks the API once, and from then on remembers a yes with its time, for root alone", async (t) => {
    const memory = memoryOf(t);
    const first = await ask(t, ENCRYPTED, memory);
    assert.deepEqual([first.line, first.calls], [undefined, 1]);
    const [name = "", ...others] = readdirSync(memory);
    assert.deepEqual([name, others], ["fs-11111111.us-east-1.json", []]);
    const file = join(memory, name);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(JSON.parse(readFileSync(file, "utf8")).keyId, KEY);
    const second = await ask(t, ENCRYPTED, memory);
    assert.deepEqual([second.line, second.calls], [undefined, 0]);
    assert.deepEqual(second.steps, [
      "fs-11111111 is encrypted at rest, as the EFS API said on 2026-11-24T20:00:00Z",
    ]);
  });

  test("refuses what is not encrypted, says what to do, and asks again next time", async (t) => {
    const memory = memoryOf(t);
    for (let time = 0; time < 2; time += 1) {
      const { kind, line, calls } = await ask(t, PLAIN, memory);
      assert.equal(kind, "permission");
      assert.match(
        line ?? "",
        /^fs-22222222 is not encrypted at rest, and require_encryption_at_rest is set/,
      );
      assert.match(line ?? "", /efs-utils create-file-system/);
      assert.equal(calls, 1);
    }
  });

  /** How a file that says yes can have come there without this helper. */
  const STRANGE: [what: string, put: (file: string, text: string) => void][] = [
    [
      "others may write",
      (file, text) => {
        writeFileSync(file, text);
        chmodSync(file, 0o666);
      },
    ],
    [
      "another user has written",
      (file, text) => {
        writeFileSync(file, text, { mode: 0o600 });
        chownSync(file, 1, 1);
      },
    ],
    [
      "is a link",
      (file, text) => {
        writeFileSync(`${file}.there`, text, { mode: 0o600 });
        symlinkSync(`${file}.there`, file);
      },
    ],
    ["is a directory", (file) => mkdirSync(file)],
    ["is damaged", (file, text) => writeFileSync(file, text.slice(0, -2), { mode: 0o600 })],
    [
      "is another file system's",
      (file, text) => writeFileSync(file, text.replace(PLAIN, ENCRYPTED), { mode: 0o600 }),
    ],
  ];
  for (const [what, put] of STRANGE) {
    const skip =
      what === "another user has written" && process.getuid?.() !== 0 && "only root gives files away";
    test(`does not believe a memory that ${what}`, { skip }, async (t) => {
      const memory = memoryOf(t);
      mkdirSync(memory);
      const yes = { fsId: PLAIN, region: "us-east-1", encrypted: true, checkedAt: NOW };
      put(join(memory, `${PLAIN}.us-east-1.json`), JSON.stringify(yes));
      const { kind, calls } = await ask(t, PLAIN, memory);
      assert.deepEqual([kind, calls], ["permission", 1]);
    });
  }

  test("lets a mount go on where the answer cannot be remembered", async (t) => {
    const directory = temporaryDirectory(t, "no-memory");
    writeFileSync(join(directory, "file"), "");
    const { line, calls } = await ask(t, ENCRYPTED, join(directory, "file"));
    assert.deepEqual([line, calls], [undefined, 1]);
  });

  const RULE = /is mounted only where it is known to be encrypted at rest \(require_encryption_at_rest/;
  const FAILURES: [what: string, answer: Answer, ...says: RegExp[]][] = [
    [
      "the API denies it",
      efsError(403, "AccessDeniedException", "User: arn:aws:iam::1:user/u is not authorized"),
      /the EFS API denies elasticfilesystem:DescribeFileSystems/,
      /allow elasticfilesystem:DescribeFileSystems in their IAM policy/,
    ],
    ["the API throttles", efsError(429, "ThrottlingException", "Rate exceeded"), /asked too often/],
    ["the API hangs up", HANGS_UP, /EFS API in us-east-1 cannot be reached/],
    [
      "the API tells of another",
      { body: JSON.stringify({ FileSystems: [{ FileSystemId: "fs-1", Encrypted: true }] }) },
      /does not tell of fs-11111111/,
    ],
    ["what answers is no API", { body: "<html>" }, /EFS API failed/],
  ];
  for (const [what, answer, ...says] of FAILURES) {
    test(`refuses where ${what}, and says so`, async (t) => {
      account.intercept = () => answer;
      t.after(() => {
        account.intercept = () => undefined;
      });
      const { kind, line = "" } = await ask(t, ENCRYPTED);
      assert.equal(kind, "mount");
      for (const part of [RULE, ...says]) assert.match(line, part);
    });
  }

  test("refuses where the API says nothing, in the end", async (t) => {
    hurry(t);
    account.intercept = () => SILENT;
    t.after(() => {
      account.intercept = () => undefined;
    });
    assert.match((await ask(t, ENCRYPTED)).line ?? "", /cannot be reached/);
  });

  test("refuses a file system that the account does not have, and one of which it is not told", async (t) => {
    assert.match((await ask(t, "fs-99999999")).line ?? "", /does not know fs-99999999 in this account/);
    assert.match((await ask(t, UNTOLD)).line ?? "", /and the EFS API does not tell/);
  });

  test("without credentials says which permission they need", async (t) => {
    setEnvironment(t, { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });
    const { line = "", calls } = await ask(t, ENCRYPTED);
    assert.match(line, /this machine has no credentials.*permission elasticfilesystem:DescribeFileSystems/);
    assert.equal(calls, 0);
  });
});
