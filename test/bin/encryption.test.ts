import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { encryptedAccount, FILE_SYSTEMS } from "../fakes/encrypted-account.ts";
import { buildCheckout, temporaryDirectory } from "./built.ts";
import { runOnTerminal, runProgram } from "./on-terminal.ts";

const { encrypted, plain, endangered, managed } = FILE_SYSTEMS;

/** The built program, against emulators of the APIs. */
describe("efs-utils encryption", { concurrency: 2 }, () => {
  const place = temporaryDirectory();
  const program = join(place.path, "bin/efs-utils");
  const cleanUps: (() => unknown)[] = [];
  let apis: Awaited<ReturnType<typeof encryptedAccount>>;
  let environment: Record<string, string>;

  before(async () => {
    buildCheckout(place.path);
    apis = await encryptedAccount({ after: (cleanUp) => void cleanUps.push(cleanUp) });
    environment = { ...apis.environment, HOME: place.path };
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
    place.remove();
  });

  const STATUS = ["encryption", "status", encrypted, plain, endangered, managed];

  for (const columns of [80, 200]) {
    test(`status fits a terminal of ${columns} columns, in colours`, async () => {
      const { status, shown } = await runOnTerminal(columns, program, STATUS, environment);
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
    const dull = { ...environment, NO_COLOR: "1" };
    assert.doesNotMatch((await runOnTerminal(80, program, STATUS, dull)).shown, /\u001b/);
    assert.doesNotMatch((await runProgram(program, STATUS, environment)).stdout, /\u001b/);
  });

  test("status ends with 0, 1 and 2: all is well, something is found, it could not look", async () => {
    const statusOf = async (...ids: string[]) =>
      (await runProgram(program, ["encryption", "status", ...ids], environment)).status;
    assert.equal(await statusOf(managed), 0);
    assert.equal(await statusOf(managed, plain), 1);
    assert.equal(await statusOf(managed, "fs-99999999"), 2);
    assert.equal(await statusOf("home"), 2);
  });

  test("status --json is what the text says", async () => {
    const { stdout } = await runProgram(program, [...STATUS, "--json"], environment);
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
});
