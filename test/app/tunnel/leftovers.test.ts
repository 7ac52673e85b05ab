import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sweepUnfinished } from "../../../src/app/tunnel/leftovers.ts";
import { type TunnelPaths, tunnelPaths } from "../../../src/core/tunnel/names.ts";
import type { Log } from "../../../src/system/log.ts";
import { isAlive, ownIdentity, processFacts } from "../../../src/system/procfs.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { Child } from "../../support/children.ts";
import { ownTunnel } from "../../support/own-tunnel.ts";
import { freePort } from "../../support/watchdog-rig.ts";

/** A helper that was killed: this process's pid, from another time. */
const DEAD = { ...ownIdentity(), startTime: 1 };

/** What a sweep writes to the log. */
async function sweep(directory: string): Promise<string[]> {
  const lines: string[] = [];
  const at = (message: string) => void lines.push(message);
  const log: Log = { debug: at, info: at, warning: at, error: at, critical: at };
  await sweepUnfinished(directory, log, async () => {});
  return lines;
}

/** The files of a mount that is being made, and where they are. */
function unfinished(directory: string, port: number, state: unknown): TunnelPaths {
  const paths = tunnelPaths(directory, `fs-1.mnt.efs.${port}`);
  mkdirSync(paths.directory, { recursive: true });
  for (const file of [paths.certificate, paths.stunnelConfig]) writeFileSync(file, "");
  writeFileSync(paths.unfinishedStateFile, typeof state === "string" ? state : JSON.stringify(state));
  return paths;
}

/** A shell that waits, with these arguments. */
async function waiting(t: TestContext, ...args: string[]): Promise<Child> {
  const child = new Child(t, "/bin/sh", ["-c", "echo ready; read x", ...args]);
  assert.equal(await child.line(), "ready");
  return child;
}

/** A process that looks as stunnel does, with this configuration. */
async function waitingStunnel(t: TestContext, config: string): Promise<Child> {
  const script = 'exec -a stunnel /bin/sh -c "echo ready; read x" stunnel "$0"';
  const child = new Child(t, "/bin/bash", ["-c", script, config]);
  assert.equal(await child.line(), "ready");
  return child;
}

const isRunning = (child: Child) => processFacts(child.pid) !== undefined;

test("what a killed helper left is removed: files, and the stunnel with that configuration", async (t) => {
  const directory = temporaryDirectory(t, "state");
  const paths = unfinished(directory, await freePort(), { helper: DEAD, pid: -1 });
  const stunnel = await waitingStunnel(t, paths.stunnelConfig);
  const lines = await sweep(directory);
  assert.deepEqual(readdirSync(directory), []);
  assert.equal(isRunning(stunnel), false);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /Removed fs-1\.mnt\.efs\.\d+: the helper .* was killed \(pid \d+\)/);
});

test("a whole tunnel of a killed helper is stopped", async (t) => {
  const { paths, port, running } = await ownTunnel(t, {
    server: await freePort(),
    settings: { target: { certificateName: "x", dnsName: "x" } as never, caFile: "/none", verify: 0 },
  });
  const directory = join(paths.directory, "..");
  unfinished(directory, port, { helper: DEAD, pid: running.stunnel.pid, keeper: running.keeper });
  await sweep(directory);
  assert.equal(isAlive(running.keeper), false);
  assert.equal(isAlive(running.stunnel), false);
  assert.deepEqual(readdirSync(directory), ["privateKey.pem"]);
});

test("the mount.nfs4 that outlived its helper is ended, and no other", async (t) => {
  const directory = temporaryDirectory(t, "state");
  const port = await freePort();
  unfinished(directory, port, { helper: DEAD });
  const command = (options: string, device = "127.0.0.1:/") => [
    "/sbin/mount.nfs4",
    device,
    "/m",
    "-o",
    options,
  ];
  const orphan = await waiting(t, ...command(`nfsvers=4.1,port=${port}`));
  const others = [
    await waiting(t, ...command(`port=${port}1`)),
    await waiting(t, ...command(`port=${port}`, "10.0.0.1:/")),
    await waiting(t, ...command(`mountport=${port}`)),
    await waiting(t, "/sbin/mount.nfs4x", "127.0.0.1:/", "/m", "-o", `port=${port}`),
  ];
  await sweep(directory);
  assert.equal(isRunning(orphan), false);
  for (const other of others) assert.equal(isRunning(other), true);
});

const LEFT_ALONE: [what: string, state: unknown, warns: boolean][] = [
  ["of a helper that is at work", { helper: ownIdentity() }, false],
  ["of another kind of helper, which says nothing of itself", { pid: -1, cmd: [], files: [] }, false],
  ["that are empty", "", true],
  ["that are damaged", "{", true],
  ["that name files elsewhere", { helper: DEAD, files: ["/etc/passwd"] }, true],
  ["that name no process", { helper: { pid: 1, startTime: 1 } }, true],
];
for (const [what, state, warns] of LEFT_ALONE) {
  test(`state files ${what} are left alone${warns ? ", and reported" : ""}`, async (t) => {
    const directory = temporaryDirectory(t, "state");
    const paths = unfinished(directory, await freePort(), state);
    const stunnel = await waitingStunnel(t, paths.stunnelConfig);
    const lines = await sweep(directory);
    for (const file of [paths.unfinishedStateFile, paths.stunnelConfig, paths.certificate]) {
      assert.equal(existsSync(file), true, file);
    }
    assert.equal(isRunning(stunnel), true);
    assert.equal(lines.length, warns ? 1 : 0, lines.join("\n"));
    if (warns) assert.ok(lines[0]?.includes(paths.unfinishedStateFile), lines[0]);
  });
}

test("finished mounts, and what is nobody's, are left alone", async (t) => {
  const directory = temporaryDirectory(t, "state");
  const names = [
    "fs-1.mnt.20049",
    "stunnel-config.fs-1.mnt.20049",
    "~other",
    "~fs-1.mnt.99999",
    "watchdog.lock",
  ];
  for (const name of names) writeFileSync(join(directory, name), JSON.stringify({ helper: DEAD }));
  assert.deepEqual(await sweep(directory), []);
  assert.deepEqual(readdirSync(directory).sort(), names.sort());
});

test("one damaged state file does not keep the others from being removed", async (t) => {
  const directory = temporaryDirectory(t, "state");
  const damaged = unfinished(directory, await freePort(), "{");
  const left = unfinished(directory, await freePort(), { helper: DEAD });
  mkdirSync(join(directory, `~fs-2.mnt.${await freePort()}`));
  assert.equal((await sweep(directory)).length, 3);
  assert.equal(existsSync(left.unfinishedStateFile), false);
  assert.equal(existsSync(damaged.unfinishedStateFile), true);
});

test("a helper that sweeps ends none of its own", async (t) => {
  const directory = temporaryDirectory(t, "state");
  const [dead, alive] = [await freePort(), await freePort()];
  unfinished(directory, dead, { helper: DEAD });
  const paths = unfinished(directory, alive, { helper: ownIdentity() });
  const stunnel = await waitingStunnel(t, paths.stunnelConfig);
  await sweep(directory);
  assert.equal(isRunning(stunnel), true);
  assert.equal(existsSync(paths.unfinishedStateFile), true);
});
