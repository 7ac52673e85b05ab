import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { lookAtMounts } from "../../../src/app/status/look.ts";
import { logLine } from "../../../src/core/log-line.ts";
import { isHealthy } from "../../../src/core/status/status.ts";
import { ownIdentity } from "../../../src/system/procfs.ts";
import { answerNull } from "../../fakes/nfs-null.ts";
import { mountEntry } from "../../support/mount-entry.ts";
import { tlsResponder } from "../../support/tls-responder.ts";
import { eventually, kill, Rig } from "../../support/watchdog-rig.ts";

/** A machine with tunnels and logs of its own. */
function machine(test: TestContext) {
  const rig = new Rig(test);
  const logDirectory = mkdtempSync(join(tmpdir(), "efs-logs-"));
  test.after(() => rmSync(logDirectory, { recursive: true }));
  return {
    rig,
    log: (name: string, message: string) =>
      appendFileSync(join(logDirectory, name), logLine(new Date(), "INFO", message)),
    look: (answerLimitMs = 10_000) =>
      lookAtMounts({
        paths: { stateDirectory: rig.directory, logDirectory },
        kernel: rig.kernel,
        answerLimitMs,
      }),
  };
}

const INSTANCE_ROLE = { awsCredentialsMethod: "metadata:", fsId: "fs-0123456789abcdef0" };

describe("status", { concurrency: 3 }, () => {
  test("tells how a mount's tunnel is, who it connects as, and how its server answers", async (t) => {
    const { rig, look } = machine(t);
    const server = await tlsResponder(t, answerNull);
    const tunnel = await rig.tunnel({
      connect: server.port,
      state: {
        ...INSTANCE_ROLE,
        accessPoint: "fsap-0123456789abcdef0",
        certificate: join(rig.directory, "certificate.pem"),
        certificateCreationTime: "261124120000Z",
      },
    });
    await rig.watch();
    const status = await look();
    assert.ok(status.mounts[0]?.tunnel !== undefined, JSON.stringify(status));
    const { tunnel: told, ...mount } = status.mounts[0];
    assert.deepEqual(
      [mount.kind, mount.mountPoint, mount.fileSystem, mount.path, mount.protection, mount.answer?.outcome],
      ["mount", tunnel.mountPoint, INSTANCE_ROLE.fsId, "/", "tls", "answered"],
    );
    assert.ok((mount.answer?.roundTripMs ?? -1) >= 0);
    assert.deepEqual(
      [told.port, told.pid, told.kept, told.identity, told.accessPoint],
      [tunnel.port, tunnel.state().pid, true, "the role of this instance", "fsap-0123456789abcdef0"],
    );
    assert.equal(told.certificate?.expiresAt.toISOString(), "2026-11-24T15:00:00.000Z");
    assert.ok((told.ageSeconds ?? -1) >= 0 && (told.ageSeconds ?? 999) < 600, String(told.ageSeconds));
  });

  test("finds a tunnel that is down, a missing watchdog, and asks nobody in vain", async (t) => {
    const { rig, look } = machine(t);
    const tunnel = await rig.tunnel();
    const { keeper, pid } = tunnel.state();
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    const status = await look();
    assert.ok(!isHealthy(status));
    const [mount] = status.mounts;
    assert.match(mount?.problems[0]?.what ?? "", /no tunnel runs on port/);
    assert.equal(mount?.problems.length, 1);
    assert.equal(mount?.tunnel?.pid, undefined);
    assert.match(status.problems[0]?.what ?? "", /no watchdog runs/);
  });

  test("counts restarts from the watchdog's log, after the mount only", async (t) => {
    const { rig, look, log } = machine(t);
    const tunnel = await rig.tunnel({ state: { mount_time: Date.now() / 1000 - 5 } });
    log(
      "mount-watchdog.log",
      `tunnel of ${tunnel.mountPoint} (port ${tunnel.port}): stunnel 1 ended, 2 has taken over`,
    );
    assert.equal((await look()).mounts[0]?.tunnel?.restarts, 1);
  });

  const SERVERS: readonly [outcome: string, serve: (socket: TLSSocket) => void, limitMs: number][] = [
    ["silent", () => {}, 500],
    ["closed", (socket) => socket.end(), 10_000],
  ];
  for (const [outcome, serve, limitMs] of SERVERS) {
    test(`a server whose answer is "${outcome}" is a problem`, async (t) => {
      const { rig, look } = machine(t);
      const server = await tlsResponder(t, serve);
      await rig.watch();
      await rig.tunnel({ connect: server.port });
      const [mount] = (await look(limitMs)).mounts;
      assert.deepEqual([mount?.answer?.outcome, mount?.problems.length], [outcome, 1]);
    });
  }

  test("what no mount uses is told of first, and a mount that is being made is not", async (t) => {
    const { rig, look } = machine(t);
    const server = await tlsResponder(t, answerNull);
    await rig.tunnel({ connect: server.port });
    const left = await rig.tunnel({ mounted: false, connect: server.port });
    const gone = await rig.tunnel({
      mounted: false,
      unfinished: true,
      runs: "no",
      state: { helper: { pid: 4_194_303, startTime: 1 } },
    });
    await rig.tunnel({ mounted: false, unfinished: true, state: { helper: ownIdentity() } });
    const { mounts } = await look();
    assert.deepEqual(
      mounts.map(({ kind, mountPoint }) => [kind, mountPoint]),
      [
        ["orphan", left.mountPoint],
        ["orphan", gone.mountPoint],
        ["mount", "/mnt/efs1"],
      ],
    );
    assert.match(mounts[1]?.problems[0]?.what ?? "", /never finished/);
  });

  test("a tunnel that the kernel still uses without a mount of ours is nobody's leftover", async (t) => {
    const { rig, look } = machine(t);
    const tunnel = await rig.tunnel({ mounted: false });
    rig.clients.add(tunnel.port);
    assert.deepEqual((await look()).mounts, []);
  });

  test("a state file that cannot be used is named, whatever is in it", async (t) => {
    const { rig, look } = machine(t);
    const tunnel = await rig.tunnel({ mounted: false });
    writeFileSync(tunnel.paths.stateFile, "{");
    const status = await look();
    assert.ok(
      status.problems.some(({ what }) => what.includes(tunnel.base)),
      JSON.stringify(status.problems),
    );
  });

  test("a mount without TLS is one of EFS by its server's name or by the log, and a hand-made one is none", async (t) => {
    const { rig, look, log } = machine(t);
    const direct = (place: string, host: string) => ({
      ...mountEntry(place, 1),
      source: `${host}:/`,
      superOptions: "rw,vers=4.1,addr=127.255.255.254",
    });
    rig.mounts.set("/a", direct("/a", "fs-12345678.efs.us-east-1.amazonaws.com"));
    rig.mounts.set("/b", direct("/b", "127.255.255.254"));
    rig.mounts.set("/c", direct("/c", "nas.example"));
    rig.mounts.set("/d", mountEntry("/d", 1));
    log("mount.log", "Successfully mounted fs-87654321.efs.us-east-1.amazonaws.com at /b");
    const { mounts } = await look();
    assert.deepEqual(
      mounts.map(({ mountPoint, fileSystem, protection, address }) => [
        mountPoint,
        fileSystem,
        protection,
        address,
      ]),
      [
        ["/a", "fs-12345678", "plain", "127.255.255.254"],
        ["/b", "fs-87654321", "plain", "127.255.255.254"],
      ],
    );
  });

  test("it sees what was replaced since, and is well again", async (t) => {
    const { rig, look } = machine(t);
    const server = await tlsResponder(t, answerNull);
    const tunnel = await rig.tunnel({ connect: server.port });
    await rig.watch();
    const { pid } = tunnel.state();
    await kill(pid);
    await eventually("another stunnel is told of", async () => {
      const [mount] = (await look()).mounts;
      return mount?.tunnel?.pid !== undefined && mount.tunnel.pid !== pid && mount.problems.length === 0;
    });
  });
});
