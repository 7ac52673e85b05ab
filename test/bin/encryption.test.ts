import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { shownInPage } from "../docs/encryption-page.ts";
import { FILE_SYSTEMS } from "../fakes/encrypted-account.ts";
import { runOnTerminal, runProgram } from "./on-terminal.ts";
import { programWithApis } from "./with-apis.ts";

const { encrypted, plain, endangered, managed } = FILE_SYSTEMS;

/** Columns of what docs/encryption.md shows. */
const PAGE_WIDTH = 100;

/** The built program, against emulators of the APIs. */
describe("efs-utils encryption", { concurrency: 2 }, () => {
  const apis = programWithApis();
  const { program } = apis;

  const STATUS = ["encryption", "status", encrypted, plain, endangered, managed];

  for (const columns of [80, 200]) {
    test(`status fits a terminal of ${columns} columns, in colours`, async () => {
      const { status, shown } = await runOnTerminal(columns, program, STATUS, apis.environment);
      assert.equal(status, 1, shown);
      assert.match(shown, /\u001b\[32mencrypted/);
      const lines = shown.split("\n").map(stripVTControlCharacters);
      for (const line of lines) assert.ok(stringWidth(line) <= columns, line);
      const text = lines.join(" ").replaceAll(/\s+/g, " ");
      assert.ok(text.includes(`${encrypted} us-east-1 home encrypted`), text);
      assert.match(text, /rotation every 365 days, next on 2027-01-15/);
      assert.match(text, /AWS's key for EFS, enabled/);
      assert.match(text, /pending deletion on 2027-01-15/);
      // the whole of it is on one line where there is room
      const remedy =
        "remedy    encryption cannot be turned on later: make an encrypted one (efs-utils create-file-system)";
      assert.equal(shown.includes(remedy), columns === 200);
    });
  }

  test("status has no colours where NO_COLOR is set, and none in a pipe", async () => {
    const dull = { ...apis.environment, NO_COLOR: "1" };
    assert.doesNotMatch((await runOnTerminal(80, program, STATUS, dull)).shown, /\u001b/);
    assert.doesNotMatch((await runProgram(program, STATUS, apis.environment)).stdout, /\u001b/);
  });

  test("status ends with 0, 1 and 2: all is well, something is found, it could not look", async () => {
    const statusOf = async (...ids: string[]) =>
      (await runProgram(program, ["encryption", "status", ...ids], apis.environment)).status;
    assert.equal(await statusOf(managed), 0);
    assert.equal(await statusOf(managed, plain), 1);
    assert.equal(await statusOf(managed, "fs-99999999"), 2);
    assert.equal(await statusOf("home"), 2);
  });

  test("status --json is what the text says", async () => {
    const { stdout } = await runProgram(program, [...STATUS, "--json"], apis.environment);
    const { schema, atRest } = JSON.parse(stdout);
    assert.equal(schema, "efs-utils.encryption-status/1");
    assert.deepEqual(
      atRest.map((one: Record<string, unknown>) => [one.fileSystem, one.encrypted]),
      [
        [encrypted, true],
        [plain, false],
        [endangered, true],
        [managed, true],
      ],
    );
    assert.equal(atRest[2].key.deletionDate, "2027-01-15T08:00:00.000Z");
  });

  const AUDIT = ["encryption", "audit", "--all-regions"];

  for (const columns of [80, 200]) {
    test(`audit fits a terminal of ${columns} columns, what is not encrypted first`, async () => {
      const { status, shown } = await runOnTerminal(columns, program, AUDIT, apis.environment);
      assert.equal(status, 1, shown);
      const lines = shown.split("\n").map(stripVTControlCharacters);
      for (const line of lines) assert.ok(stringWidth(line) <= columns, line);
      assert.match(lines[0] ?? "", /^REGION +FILE SYSTEM +NAME +AT REST +KEY$/);
      assert.match(lines[1] ?? "", new RegExp(`^us-east-1 +${plain} +scratch +not`));
      const text = lines.join(" ").replaceAll(/\s+/g, " ");
      assert.match(text, /5 file systems in 2 regions, 4 encrypted, 1 not encrypted at rest/);
      assert.equal(text.includes("11111111-12ab-34cd-56ef-1234567890ab"), columns === 200);
    });
  }

  test("audit --csv is a table for spreadsheets, and --json the same for programs", async () => {
    const csv = await runProgram(program, [...AUDIT, "--csv"], apis.environment);
    assert.deepEqual([csv.status, csv.stderr], [1, ""]);
    assert.equal(csv.stdout.split("\r\n").length, 7);
    assert.match(csv.stdout, /^eu-west-1,fs-0123456789abcdef5,'@archive,true,/m);
    assert.match(csv.stdout, /,"web, ""static""",true,/);
    const { stdout } = await runProgram(program, [...AUDIT, "--json"], apis.environment);
    const { schema, encrypted: yes, notEncrypted, regions } = JSON.parse(stdout);
    assert.deepEqual([schema, yes, notEncrypted, regions.length], ["efs-utils.encryption-audit/1", 4, 1, 2]);
  });

  test("audit --output writes the report, and says nothing", async () => {
    const file = join(apis.directory, "audit.csv");
    const { stdout, stderr, status } = await runProgram(
      program,
      [...AUDIT, "--csv", "--output", file],
      apis.environment,
    );
    assert.deepEqual([status, stdout, stderr], [1, "", ""]);
    assert.match(readFileSync(file, "utf8"), /^region,file_system_id,/);
  });

  test("audit ends with 0, 1 and 2, and tells of what it could not look at", async () => {
    const ended = (...args: string[]) =>
      runProgram(program, ["encryption", "audit", ...args], apis.environment);
    assert.equal((await ended("--region", "eu-west-1")).status, 0);
    assert.equal((await ended("--region", "us-east-1")).status, 1);
    for (const args of [["--csv", "--json"], ["--output", "x"], ["--region", "Europe"], ["--bogus"]])
      assert.deepEqual({ ...(await ended(...args)), stderr: "" }, { status: 2, stdout: "", stderr: "" });
    const nobody = { ...apis.environment, AWS_ENDPOINT_URL_EFS: "http://127.0.0.1:1" };
    const failed = await runProgram(program, ["encryption", "audit", "--csv"], nobody);
    assert.equal(failed.status, 2);
    assert.match(failed.stderr, /^efs-utils: us-east-1: the EFS API in us-east-1 cannot be reached: .*\n$/);
  });

  for (const { args, output } of shownInPage()) {
    test(`docs/encryption.md shows what is printed: ${args.join(" ")}`, async () => {
      if (args[0] === "create-file-system") {
        const { environment } = await apis.anotherAccount();
        assert.equal((await runProgram(program, args, environment)).stdout, output);
        return;
      }
      const dull = { ...apis.environment, NO_COLOR: "1" };
      assert.equal((await runOnTerminal(PAGE_WIDTH, program, args, dull)).shown, output);
    });
  }
});
