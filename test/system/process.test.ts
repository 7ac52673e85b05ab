import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CHILD_ENVIRONMENT, run, startDetached } from "../../src/system/process.ts";
import { isAlive, processFacts } from "../../src/system/procfs.ts";
import { temporaryDirectory } from "../support/authority.ts";
import { eventually, kill } from "../support/watchdog-rig.ts";

const LIMIT = { timeoutMs: 60_000 };
const shell = (script: string, options: Partial<Parameters<typeof run>[2]> = {}) =>
  run("/bin/sh", ["-c", script], { ...LIMIT, ...options });

describe("a program that is run to its end", { concurrency: true }, () => {
  test("tells its status and what it said", async () => {
    assert.deepEqual(await shell("echo out; echo err >&2; exit 7"), {
      status: 7,
      stdout: "out\n",
      stderr: "err\n",
      timedOut: false,
      aborted: false,
    });
    assert.equal((await shell("true")).status, 0);
  });

  test("ends with the program that waits for it", async (t) => {
    const file = join(temporaryDirectory(t, "pid"), "pid");
    const module = new URL("../../src/system/process.ts", import.meta.url).href;
    const script = `
      import { existsSync } from "node:fs";
      import { run } from ${JSON.stringify(module)};
      void run("/bin/sh", ["-c", "echo $$ >${file}.new; mv ${file}.new ${file}; exec sleep 1000"], { timeoutMs: 60_000 });
      setInterval(() => existsSync(${JSON.stringify(file)}) && process.exit(3), 10);`;
    const waiting = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    const [status] = await once(waiting, "exit");
    assert.equal(status, 3);
    const pid = Number(readFileSync(file, "utf8"));
    t.after(() => kill(pid));
    await eventually("it has ended", () => processFacts(pid) === undefined);
  });

  test("gets its arguments as they are, and no shell looks at them", async () => {
    const odd = ["$HOME", "a b", "", "`id`", "größe", "*", "\n"];
    const { stdout } = await run("/usr/bin/printf", ["[%s]", ...odd], LIMIT);
    assert.equal(stdout, odd.map((argument) => `[${argument}]`).join(""));
  });

  test("gets nothing of the caller's environment, directory or input", async () => {
    process.env.EFS_TEST_SECRET = "secret";
    const { stdout } = await run("/usr/bin/env", [], { ...LIMIT, environment: { EXTRA: "1" } });
    delete process.env.EFS_TEST_SECRET;
    const seen = Object.fromEntries(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split("=")),
    );
    assert.deepEqual(seen, { ...CHILD_ENVIRONMENT, EXTRA: "1" });
    assert.equal((await shell("pwd; cat")).stdout, "/\n");
  });

  test("has the descriptors that it is given, and no others of ours", async (t) => {
    const directory = temporaryDirectory(t, "process");
    writeFileSync(join(directory, "given"), "given");
    const [given, other] = [openSync(join(directory, "given"), "r"), openSync("/etc/passwd", "r")];
    t.after(() => [given, other].map((descriptor) => closeSync(descriptor)));
    assert.equal((await shell("cat <&3", { descriptors: [given] })).stdout, "given");
    const open = await run("/bin/ls", ["-l", "/proc/self/fd"], LIMIT);
    assert.ok(!open.stdout.includes("/etc/passwd"), open.stdout);
  });

  test("ends when its time is over, also where it does not want to", async () => {
    const result = await shell("trap '' TERM; echo $$; while :; do sleep 0.01; done", { timeoutMs: 100 });
    assert.equal(result.timedOut, true);
    assert.equal(result.status, undefined);
    assert.equal(processFacts(Number(result.stdout)), undefined);
  });

  test("ends when it is no longer wanted", async () => {
    const controller = new AbortController();
    const running = shell("echo $$; exec sleep 1000", { signal: controller.signal });
    controller.abort();
    const result = await running;
    assert.equal(result.aborted, true);
    assert.equal(result.timedOut, false);
    assert.notEqual(result.status, 0);
  });

  test("is not waited for longer where it left something running that has its output", async () => {
    const { stdout, status } = await shell("sleep 1000 & echo $!");
    await kill(Number(stdout));
    assert.equal(status, 0);
  });

  test("may say more than anybody wants to know", async () => {
    const { status, stdout } = await shell("head -c 5000000 /dev/zero | tr '\\0' x");
    assert.equal(status, 0);
    assert.equal(stdout.length, 1024 * 1024);
  });

  test("that is not there is an error that names it", async () => {
    for (const file of ["/usr/bin/not-there", "/etc/passwd", "/etc"]) {
      await assert.rejects(run(file, [], LIMIT), {
        name: "EfsError",
        kind: "system",
        message: new RegExp(file),
      });
    }
  });
});

test("what a program said is not lost where this process has much else to do", async () => {
  const busy = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const other = spawn("/bin/sh", ["-c", "echo x"], { stdio: ["ignore", "pipe", "ignore"] });
  // the program speaks and ends while the other one, which has ended, is listened to: so its end is heard first
  other.stdout.once("data", () => busy(500));
  other.once("exit", () => setImmediate(() => busy(500)));
  const running = shell("sleep 0.2; echo said >&2");
  busy(100);
  assert.equal((await running).stderr, "said\n");
});

test("a detached program has a session of its own and outlives what started it", async (t) => {
  const directory = temporaryDirectory(t, "process");
  const output = openSync(join(directory, "out"), "a");
  const { pid, ended } = startDetached("/bin/sh", ["-c", "echo ready; echo too >&2; exec sleep 1000"], {
    output,
    descriptors: [],
  });
  closeSync(output);
  t.after(() => kill(pid));
  await eventually("it is ready", () => readFileSync(join(directory, "out"), "utf8") === "ready\ntoo\n");
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const [, , group, session] = fields;
  assert.deepEqual([group, session], [String(pid), String(pid)]);
  assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null");
  assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
  const facts = processFacts(pid);
  assert.ok(facts !== undefined && isAlive(facts));
  let status: number | undefined | "not told" = "not told";
  void ended.then((told) => {
    status = told;
  });
  process.kill(pid, "SIGKILL");
  await eventually("its end is told", () => status !== "not told");
  assert.equal(status, undefined);
});

test("a detached program that is not there is an error that names it", () => {
  assert.throws(() => startDetached("/usr/bin/not-there", [], { output: 2, descriptors: [] }), {
    kind: "system",
    message: /\/usr\/bin\/not-there/,
  });
});
