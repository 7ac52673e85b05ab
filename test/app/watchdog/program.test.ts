import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { processFacts } from "../../../src/system/procfs.ts";
import { buildInto, temporaryDirectory, VERSION } from "../../support/built.ts";
import { eventually } from "../../support/watchdog-rig.ts";

describe("the program amazon-efs-mount-watchdog", { concurrency: 4 }, () => {
  const place = temporaryDirectory();
  const program = join(place.path, "amazon-efs-mount-watchdog.cjs");
  before(() => buildInto(place.path));
  after(() => place.remove());

  /** A machine of its own, as far as the program can tell: /run, /var/log and /etc/amazon are new. */
  function machine(t: TestContext, config: string) {
    const script = `
      set -e
      layer=$(mktemp -d); mount -t tmpfs layer $layer; mkdir $layer/upper $layer/work
      mount -t overlay -o lowerdir=/etc,upperdir=$layer/upper,workdir=$layer/work etc /etc
      umount --lazy $layer; rmdir $layer
      mount -t tmpfs run /run; mount -t tmpfs log /var/log
      mkdir -p /etc/amazon/efs; printf '%s' "$1" > /etc/amazon/efs/efs-utils.conf
      echo ready; read -r _`;
    const holder = spawn("unshare", ["--mount", "bash", "-c", script, "machine", config]);
    t.after(() => void holder.kill("SIGKILL"));
    return {
      root: `/proc/${holder.pid}/root`,
      ready: new Promise<void>((resolve) => holder.stdout.once("data", () => resolve())),
      run: (args: readonly string[] = [], environment: Record<string, string> = {}) => {
        const child = spawn(
          "nsenter",
          [`--mount=/proc/${holder.pid}/ns/mnt`, process.execPath, program, ...args],
          {
            env: { ...process.env, ...environment },
          },
        );
        t.after(() => void child.kill("SIGKILL"));
        return watched(child);
      },
    };
  }

  /** What a child writes, and its status at the end. */
  function watched(child: ChildProcess) {
    const output = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (part) => (output.stdout += part));
    child.stderr?.setEncoding("utf8").on("data", (part) => (output.stderr += part));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { pid: child.pid ?? 0, output, ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
  }

  test("tells its version", async (t) => {
    const { ready, run } = machine(t, "");
    await ready;
    const { ended, output } = run(["--version"]);
    assert.equal(await ended, 0);
    assert.equal(output.stdout, `amazon-efs-mount-watchdog ${VERSION}\n`);
  });

  const refusals: [what: string, args: string[], config: string, status: number, line: RegExp][] = [
    ["an unknown argument", ["--fast"], "", 1, /--fast/],
    ["a wrong setting", [], "[mount-watchdog]\npoll_interval_sec = soon\n", 1, /poll_interval_sec.*soon/],
    ["a line that is none", [], "nonsense\n", 1, /line 1.*nonsense/],
    ["being switched off", [], "[mount-watchdog]\nenabled = false\n", 0, /enabled = false/],
  ];
  for (const [what, args, config, status, line] of refusals) {
    test(`ends with status ${status} and one line for ${what}`, async (t) => {
      const { ready, run } = machine(t, config);
      await ready;
      const { ended, output } = run(args);
      assert.equal(await ended, status);
      assert.match(output.stderr, line);
      assert.equal(output.stderr.trim().split("\n").length, 1);
    });
  }

  test("runs under its name, alone, and ends with status 0 by SIGTERM", async (t) => {
    const { ready, run, root } = machine(t, "[mount-watchdog]\n");
    await ready;
    const log = () => {
      const path = `${root}/var/log/amazon/efs/mount-watchdog.log`;
      return existsSync(path) ? readFileSync(path, "utf8") : "";
    };
    const first = run();
    await eventually("it watches", () => log().includes("Watching /var/run/efs"));
    assert.equal(processFacts(first.pid)?.argv[0]?.trim(), "amazon-efs-mount-watchdog");
    const second = run();
    assert.equal(await second.ended, 1);
    assert.match(second.output.stderr, new RegExp(`process ${first.pid}`));
    first.kill("SIGHUP");
    await eventually("the configuration was read again", () => log().includes("was read again"));
    first.kill("SIGTERM");
    assert.equal(await first.ended, 0);
    assert.match(log(), /Ended by SIGTERM: tunnels run on/);
    assert.equal(first.output.stderr, "");
  });

  test("a configuration that is wrong when it is read again changes nothing", async (t) => {
    const { ready, run, root } = machine(t, "");
    await ready;
    const child = run();
    await eventually("it watches", () => existsSync(`${root}/var/log/amazon/efs/mount-watchdog.log`));
    writeFileSync(`${root}/etc/amazon/efs/efs-utils.conf`, "nonsense\n");
    child.kill("SIGHUP");
    await eventually("it is reported", () => /nonsense.*stay as they were/.test(child.output.stderr));
    child.kill("SIGINT");
    assert.equal(await child.ended, 0);
  });

  test("tells systemd that it is ready, what it watches, and that it is well", async (t) => {
    const { ready, run, root } = machine(t, "");
    await ready;
    const socket = join(place.path, "notify");
    const receiver = watched(spawn("perl", ["-e", RECEIVER, socket]));
    t.after(() => void receiver.kill("SIGKILL"));
    await eventually("the socket is there", () => existsSync(socket));
    const child = run([], { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" });
    await eventually("it is ready", () => receiver.output.stdout.includes("READY=1"));
    assert.match(receiver.output.stdout, /^STATUS=Watching 0 tunnels, 0 of them running$/m);
    writeFileSync(join(root, "run/efs/fs-12345678.mnt.20049"), "no state");
    const changed = "STATUS=Watching 1 tunnel, 0 of them running, 1 with a state file that cannot be used\n";
    await eventually("it tells the change", () => receiver.output.stdout.includes(changed));
    await eventually("it is well", () => receiver.output.stdout.includes("WATCHDOG=1"));
    child.kill("SIGTERM");
    assert.equal(await child.ended, 0);
    assert.match(receiver.output.stdout, /STOPPING=1/);
  });
});

/** Prints the datagrams that come to a Unix socket; node has no such sockets. */
const RECEIVER = `
  use Socket; $| = 1;
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
  bind($s, sockaddr_un($ARGV[0])) or die;
  while (defined recv($s, my $data, 4096, 0)) { print "$data\\n" }`;
