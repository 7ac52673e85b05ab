import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { MountContext } from "../../../src/app/context.ts";
import { mountNfs } from "../../../src/app/mount/nfs.ts";
import { EfsError, oneLine } from "../../../src/core/errors.ts";
import { clientIdentity, WITHOUT_TLS } from "../../../src/core/identity/client.ts";
import type { RetryPolicy } from "../../../src/core/nfs/retry.ts";
import { readIfThere } from "../../../src/system/files.ts";
import { processFacts } from "../../../src/system/procfs.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { eventually } from "../../support/watchdog-rig.ts";

const POLICY: RetryPolicy = { attempts: 3, attemptTimeoutMs: 60_000, deadlineMs: 60_000 };
const RESET = 'echo "mount.nfs4: Connection reset by peer" >&2; exit 32';
const DENIED = 'echo "mount.nfs4: access denied by server while mounting 127.0.0.1:/" >&2; exit 32';

interface Given {
  /** What mount.nfs4 does, one script a call; the last one repeats. */
  readonly scripts: readonly string[];
  readonly policy?: Partial<RetryPolicy>;
  readonly hasAccessPoint?: boolean;
  readonly seen?: string;
  readonly signal?: AbortSignal;
  /** Called when a failed attempt has been logged. */
  readonly pausing?: () => void;
}

interface Outcome {
  /** Undefined where it was mounted. */
  readonly problem: EfsError | undefined;
  /** How often mount.nfs4 ran. */
  readonly calls: number;
  readonly log: readonly string[];
}

/** Runs a stand-in for mount.nfs4, without the pauses between attempts. */
async function mount(t: TestContext, given: Given): Promise<Outcome> {
  const { scripts, policy, hasAccessPoint = false, seen, signal = new AbortController().signal } = given;
  const { pausing = () => {} } = given;
  const directory = temporaryDirectory(t, "nfs");
  const program = join(directory, "mount.nfs4");
  const calls = join(directory, "calls");
  const last = scripts.length;
  const cases = scripts.map((script, index) => `${index + 1 === last ? "*" : index + 1}) ${script};;`);
  const count = `echo x >>${calls}; n=$(wc -l <${calls})`;
  writeFileSync(program, `#!/bin/sh\n${count}\ncase $n in ${cases.join("\n")}\nesac\n`, { mode: 0o755 });
  const log: string[] = [];
  const at = (message: string) => {
    log.push(message);
    setImmediate(pausing);
  };
  let attempt = 0;
  const context = {
    log: { debug: at, info: at, warning: at, error: at, critical: at },
    step: () => {},
    elapsedMs: () => 0,
    random: () => {
      attempt += 1;
      return given.pausing === undefined ? -(1.5 ** attempt) : 0.5;
    },
  } as unknown as MountContext;
  const wanted = {
    command: { file: program, args: ["127.0.0.1:/", "/m", "-o", "x"] },
    policy: { ...POLICY, ...policy },
    hasAccessPoint,
    identity: hasAccessPoint ? clientIdentity(undefined, "fsap-1") : WITHOUT_TLS,
    what: "fs-1.example:/ at /m",
    seen: () => seen,
  };
  const problem = await mountNfs(wanted, context, signal).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof EfsError) return error;
      throw error;
    },
  );
  return { problem, calls: existsSync(calls) ? readFileSync(calls, "utf8").length / 2 : 0, log };
}

describe("mount.nfs4", { concurrency: true }, () => {
  test("that succeeds runs once", async (t) => {
    assert.deepEqual(await mount(t, { scripts: ["exit 0"] }), { problem: undefined, calls: 1, log: [] });
  });

  test("runs again where the connection was reset, and each time is logged", async (t) => {
    const { problem, calls, log } = await mount(t, { scripts: [RESET, RESET, "exit 0"] });
    assert.deepEqual([problem, calls, log.length], [undefined, 3, 2]);
    assert.match(
      log[0] ?? "",
      /^Attempt 1 of 3 to mount failed \(.*reset by peer\), trying again in 0\.0 s$/,
    );
  });

  test("runs so often as the policy says, and then its words and its status are passed on", async (t) => {
    const { problem, calls } = await mount(t, { scripts: [RESET] });
    assert.equal(calls, 3);
    assert.deepEqual([problem?.kind, problem?.status], ["mount", 32]);
    assert.match(
      oneLine(problem as EfsError),
      /^cannot mount fs-1\.example:\/ at \/m: .*reset by peer; .*security group/,
    );
    assert.equal((await mount(t, { scripts: [RESET], policy: { attempts: 1 } })).calls, 1);
  });

  test("runs again after a denial only with an access point, which may not be there yet", async (t) => {
    const without = await mount(t, { scripts: [DENIED, "exit 0"] });
    assert.equal(without.calls, 1);
    assert.match(without.problem?.hint ?? "", /tls, iam or an access point/);
    assert.equal((await mount(t, { scripts: [DENIED, "exit 0"], hasAccessPoint: true })).calls, 2);
    const denied = await mount(t, { scripts: [DENIED], hasAccessPoint: true });
    assert.match(denied.problem?.hint ?? "", /access point exists/);
  });

  const ENDS: [script: string, status: number, message: RegExp, hint: RegExp][] = [
    ["echo 'mount.nfs4: mount point /m does not exist' >&2; exit 32", 32, /does not exist/, /mkdir -p/],
    [
      "echo 'mounting failed, reason given by server: No such file or directory' >&2; exit 32",
      32,
      /No such file/,
      /path exists/,
    ],
    [
      "echo 'mount.nfs4: an incorrect mount option was specified' >&2; exit 32",
      32,
      /incorrect mount option/,
      /nfs\(5\)/,
    ],
    ["echo 'mount.nfs4: Connection refused' >&2; exit 32", 32, /refused/, /port 2049/],
    ["exit 16", 16, /ended with status 16/, /see the log/],
    ["kill -9 $$", 32, /ended with a signal/, /see the log/],
    ["printf 'one\\n  two\\033[31m\\n' >&2; exit 1", 1, /one, two\\x1b\[31m$/, /see the log/],
  ];
  for (const [script, status, message, hint] of ENDS) {
    test(`that does ${script.slice(0, 50)} ends the mount with status ${status}`, async (t) => {
      const { problem, calls } = await mount(t, { scripts: [script] });
      assert.deepEqual([calls, problem?.kind, problem?.status], [1, "mount", status]);
      assert.match(problem?.message ?? "", message);
      assert.match(problem?.hint ?? "", hint);
    });
  }

  test("that fails is explained by what was seen of the server", async (t) => {
    const { problem } = await mount(t, { scripts: ["exit 32"], seen: "the server is unreachable" });
    assert.match(problem?.message ?? "", /status 32 \(the server is unreachable\)$/);
  });

  test("that hangs is ended, runs again, and hangs nobody in the end", async (t) => {
    const once = await mount(t, {
      scripts: ["exec sleep 1000", "exit 0"],
      policy: { attemptTimeoutMs: 200 },
    });
    assert.deepEqual([once.problem, once.calls], [undefined, 2]);
    assert.match(once.log[0] ?? "", /not done after 0\.2 s/);
    const policy = { attempts: 1, attemptTimeoutMs: 1, deadlineMs: 200 };
    const always = await mount(t, { scripts: ["exec sleep 1000"], policy });
    assert.deepEqual([always.problem?.kind, always.problem?.status], ["mount", 32]);
    assert.match(always.problem?.message ?? "", /not done after 0\.2 s/);
  });

  test("that succeeds when its time was over has mounted, and does not run again", async (t) => {
    const late = "trap 'exit 0' TERM; while :; do sleep 0.01; done";
    assert.deepEqual(await mount(t, { scripts: [late], policy: { attemptTimeoutMs: 200 } }), {
      problem: undefined,
      calls: 1,
      log: [],
    });
  });

  test("does not run again where the next attempt would begin behind the deadline", async (t) => {
    const { calls, problem } = await mount(t, { scripts: [RESET], policy: { deadlineMs: 0 } });
    assert.equal(calls, 1);
    assert.match(problem?.message ?? "", /reset by peer|not done/);
  });

  test("ends when the mount is given up, with the reason", async (t) => {
    const controller = new AbortController();
    const reason = new EfsError("interrupted", "given up");
    const directory = temporaryDirectory(t, "given-up");
    const script = `echo $$ >${directory}/pid; exec sleep 1000`;
    const running = mount(t, { scripts: [script], signal: controller.signal });
    await eventually("it runs", () => /\n/.test(readIfThere(`${directory}/pid`) ?? ""));
    const pid = Number(readFileSync(`${directory}/pid`, "utf8"));
    controller.abort(reason);
    assert.equal((await running).problem, reason);
    assert.equal(processFacts(pid), undefined);
  });

  test("does not run at all where the mount was given up before", async (t) => {
    const reason = new EfsError("interrupted", "given up");
    const { problem } = await mount(t, { scripts: ["exec sleep 1000"], signal: AbortSignal.abort(reason) });
    assert.equal(problem, reason);
  });

  test("does not run again where the mount is given up during the pause", async (t) => {
    const controller = new AbortController();
    const reason = new EfsError("interrupted", "given up");
    const pausing = () => controller.abort(reason);
    const { problem, calls } = await mount(t, { scripts: [RESET], signal: controller.signal, pausing });
    assert.deepEqual([problem, calls], [reason, 1]);
  });

  test("that is not there is an error that names it", async () => {
    const context = { step: () => {}, elapsedMs: () => 0 } as unknown as MountContext;
    const command = { file: "/sbin/mount.not-there", args: [] };
    const wanted = {
      command,
      policy: POLICY,
      hasAccessPoint: false,
      identity: WITHOUT_TLS,
      what: "x",
      seen: () => undefined,
    };
    await assert.rejects(mountNfs(wanted, context, new AbortController().signal), {
      kind: "system",
      message: /mount\.not-there/,
    });
  });
});
