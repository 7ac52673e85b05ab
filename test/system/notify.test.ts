import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { serviceManager } from "../../src/system/notify.ts";
import { eventually } from "../support/watchdog-rig.ts";

/** Prints the datagrams that come to a Unix socket; node has no such sockets. */
const RECEIVER = `
  use Socket; $| = 1;
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
  bind($s, sockaddr_un($ARGV[0])) or die;
  while (defined recv($s, my $data, 4096, 0)) { print "$data\\n" }`;

/** A socket of systemd's in the test, and what has come to it. */
function manager(t: Pick<TestContext, "after">) {
  const directory = mkdtempSync(join(tmpdir(), "efs-notify-"));
  const path = join(directory, "notify");
  t.after(() => rmSync(directory, { recursive: true }));
  const place = {
    path,
    received: "",
    open: async () => {
      const receiver = spawn("perl", ["-e", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
      t.after(() => void receiver.kill("SIGKILL"));
      receiver.stdout.on("data", (part) => {
        place.received += part;
      });
      await eventually("the socket is there", () => existsSync(path));
    },
  };
  return place;
}

test("what is notified reaches systemd's socket", async (t) => {
  const place = manager(t);
  await place.open();
  await serviceManager({ NOTIFY_SOCKET: place.path })?.notify("READY=1", "STATUS=Watching 3 tunnels");
  await eventually("it has come", () => place.received.includes("READY=1"));
  assert.match(place.received, /^STATUS=Watching 3 tunnels$/m);
  assert.match(place.received, new RegExp(`MAINPID=${process.pid}`));
});

test("what systemd does not hear is said again, and in the end it is an error", async (t) => {
  const place = manager(t);
  await assert.rejects(async () => serviceManager({ NOTIFY_SOCKET: place.path })?.notify("READY=1"), {
    message: /systemd does not hear READY=1: .*No such file/,
  });
  const said = serviceManager({ NOTIFY_SOCKET: place.path })?.notify("READY=1");
  await place.open();
  await said;
  await eventually("it has come", () => place.received.includes("READY=1"));
});

const cases: [what: string, environment: Record<string, string>, everyMs: number | undefined][] = [
  ["no limit", {}, undefined],
  ["half the limit", { WATCHDOG_USEC: "180000000" }, 90_000],
  ["its own limit", { WATCHDOG_USEC: "180000000", WATCHDOG_PID: String(process.pid) }, 90_000],
  ["another process's limit", { WATCHDOG_USEC: "180000000", WATCHDOG_PID: "1" }, undefined],
  ["nonsense", { WATCHDOG_USEC: "soon" }, undefined],
];
for (const [what, environment, everyMs] of cases) {
  test(`how often systemd wants to hear: ${what}`, () => {
    assert.equal(serviceManager({ NOTIFY_SOCKET: "/run/x", ...environment })?.everyMs, everyMs);
  });
}

test("without systemd's socket there is nobody to notify", () => {
  assert.equal(serviceManager({}), undefined);
  assert.equal(serviceManager({ NOTIFY_SOCKET: "relative" }), undefined);
});
