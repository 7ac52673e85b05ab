import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { before, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { efsError } from "../fakes/efs-account.ts";
import { runOnTerminal, runProgram } from "./on-terminal.ts";
import { programWithApis } from "./with-apis.ts";

const [SUBNET, NO_SUBNET] = ["subnet-0123456789abcdef0", "subnet-0bad"];

/** The built program, against emulators of the APIs. */
describe("efs-utils create-file-system", { concurrency: 2 }, () => {
  const apis = programWithApis();
  const { program } = apis;
  before(() => {
    apis.account.intercept = ({ method, path, body }) =>
      method === "POST" && path.endsWith("/mount-targets") && body.SubnetId === NO_SUBNET
        ? efsError(400, "SubnetNotFound", `The subnet ID '${NO_SUBNET}' does not exist`)
        : undefined;
  });

  for (const columns of [80, 200]) {
    test(`shows its progress on a terminal of ${columns} columns, a line a step, and what it made`, async () => {
      const args = [
        "create-file-system",
        "--name",
        "home",
        "--subnet-id",
        SUBNET,
        "--access-point-path",
        "/data",
      ];
      const { status, shown } = await runOnTerminal(columns, program, args, apis.environment);
      assert.equal(status, 0, shown);
      // what is drawn over is gone: of each line the last state counts
      const lines = shown.split("\n").map((line) => stripVTControlCharacters(line.split("\r").at(-1) ?? ""));
      for (const line of lines) assert.ok(stringWidth(line) <= columns, line);
      const text = lines.join(" ").replaceAll(/\s+/g, " ");
      assert.match(
        text,
        /^making the file system [\d.]+ m?s fs-\w+: waiting until it is available [\d.]+ m?s /,
      );
      assert.match(text, / fs-\w{17} us-east-1 home encrypted key arn:aws:kms:/);
      assert.match(text, /mount target fsmt-\w+ subnet-0123456789abcdef0 us-east-1a 10\.0\.0\.10 available/);
      assert.match(text, /mount it mount -t efs -o tls,accesspoint=fsap-\w+ fs-\w+:\/ \/mnt\/efs/);
    });
  }

  test("tells programs on standard output, and people on standard error, without drawing", async () => {
    const { status, stdout, stderr } = await runProgram(
      program,
      ["create-file-system", "--json"],
      apis.environment,
    );
    assert.equal(status, 0, stderr);
    const { schema, fileSystem, encrypted, state, token } = JSON.parse(stdout);
    assert.deepEqual([schema, encrypted, state], ["efs-utils.create-file-system/1", true, "available"]);
    assert.match(token, /^efs-utils-[0-9a-f-]{36}$/);
    assert.equal(stderr, `making the file system\n${fileSystem}: waiting until it is available\n`);
  });

  test("that fails half-way says why, what there is, and how to go on or to remove it", async () => {
    const args = ["--client-token", "t1", "--subnet-id", SUBNET, "--subnet-id", NO_SUBNET];
    const failed = await runProgram(program, ["create-file-system", ...args], apis.environment);
    assert.deepEqual([failed.status, failed.stdout], [2, ""]);
    assert.match(
      failed.stderr,
      /^there is now: fs-\w+ \(available\), fsmt-\w+ in subnet-0123456789abcdef0 \(creating\)$/m,
    );
    assert.match(failed.stderr, /^to go on, run the same with --client-token t1$/m);
    assert.match(
      failed.stderr,
      /^ {2}aws efs delete-mount-target --region us-east-1 --mount-target-id fsmt-\w+$/m,
    );
    assert.match(
      failed.stderr,
      /^ {2}aws efs delete-file-system --region us-east-1 --file-system-id fs-\w+$/m,
    );
    assert.match(
      failed.stderr,
      /\nefs-utils: the EFS API refuses a mount target in subnet-0bad: SubnetNotFound: .*; check --subnet-id.*\n$/,
    );
  });

  test("that is interrupted while it waits says what there is, with status 8", async () => {
    const slow = await apis.anotherAccount();
    slow.account.looks = Number.POSITIVE_INFINITY;
    const env = { ...apis.environment, ...slow.environment, PATH: process.env.PATH ?? "" };
    const child = spawn(program, ["create-file-system"], { env, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      stderr += part;
      if (part.includes("waiting")) child.kill("SIGINT");
    });
    const [status] = await once(child, "close");
    assert.equal(status, 8, stderr);
    assert.match(stderr, /^there is now: fs-\w+ \(creating\)$/m);
    assert.match(stderr, /\nefs-utils: interrupted by SIGINT; .*\n$/);
  });

  for (const [args, says] of [
    [["--timeout", "0"], /--timeout "0" is not valid; give seconds/],
    [["--unencrypted", "--kms-key-id", "k"], /exclude each other/],
    [["--region", "Europe"], /"Europe" is no region/],
    [["--performance-mode", "fast"], /Allowed choices are generalPurpose, maxIO/],
  ] as const) {
    test(`with ${args.join(" ")} is refused, and nothing is made`, async () => {
      const { status, stdout, stderr } = await runProgram(
        program,
        ["create-file-system", ...args],
        apis.environment,
      );
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, says);
    });
  }
});
