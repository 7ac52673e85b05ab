import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { readMounts, readNfsClientPorts } from "../../src/system/mounts.ts";
import {
  connectedPorts,
  descriptorTarget,
  findProcesses,
  holdsSocket,
  isAlive,
  listenerInode,
  ownIdentity,
  processFacts,
  seesSameDirectory,
} from "../../src/system/procfs.ts";
import { isSystemdRunning, unitThatEnds } from "../../src/system/systemd.ts";
import { type Test, temporaryDirectory } from "../support/authority.ts";
import { Child } from "../support/children.ts";
import { eventually, freePort } from "../support/watchdog-rig.ts";

const PIDS_THAT_ARE_NONE = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 31];

/** A shell that has done something and waits. */
async function waitingShell(test: Test, script: string, ...args: string[]): Promise<Child> {
  const child = new Child(test, "/bin/sh", ["-c", `${script}; echo ready; read x`, ...args]);
  assert.equal(await child.line(), "ready");
  return child;
}

test("a process is known by its arguments, its parent and its start", async (t) => {
  const odd = ["a b", "", "größe", "line\nbreak", "(x) y"];
  const child = await waitingShell(t, ":", "name", ...odd);
  const facts = processFacts(child.pid);
  assert.deepEqual(facts?.argv.slice(3), ["name", ...odd]);
  assert.equal(facts?.parent, process.pid);
  const ticks = (facts?.startTime ?? 0) / 100;
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  assert.ok(ticks > 0 && ticks <= uptime, `${ticks} of ${uptime}`);
});

test("a process may have any name", async (t) => {
  const child = await waitingShell(t, 'printf ") Z 1 (" >/proc/$$/comm');
  assert.equal(readFileSync(`/proc/${child.pid}/comm`, "utf8"), ") Z 1 (\n");
  assert.equal(processFacts(child.pid)?.parent, process.pid);
});

test("a process is alive until it ends, and no other is it", async (t) => {
  const child = await waitingShell(t, ":");
  const facts = processFacts(child.pid);
  assert.ok(facts !== undefined);
  assert.equal(isAlive(facts), true);
  assert.equal(isAlive({ pid: facts.pid, startTime: facts.startTime + 1 }), false);
  await child.kill();
  assert.equal(isAlive(facts), false);
  assert.equal(processFacts(facts.pid), undefined);
});

test("this process knows itself", () => {
  const own = ownIdentity();
  assert.equal(own.pid, process.pid);
  assert.equal(isAlive(own), true);
});

test("a zombie is dead", async (t) => {
  // the shell's child ends when the shell has become one that waits for nobody
  const ending = `/bin/sh -c 'until [ "$(cat /proc/$1/comm)" = cat ]; do :; done' name $$`;
  const child = new Child(t, "/bin/sh", ["-c", `${ending} & echo $!; exec cat`]);
  const pid = Number(await child.line());
  await eventually("it is a zombie", () => / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
  assert.equal(processFacts(pid), undefined);
  assert.equal(isAlive({ pid, startTime: 0 }), false);
  assert.ok(!findProcesses(() => true).some((facts) => facts.pid === pid));
});

for (const pid of PIDS_THAT_ARE_NONE) {
  test(`there is no process ${pid}`, () => {
    assert.equal(processFacts(pid), undefined);
    assert.equal(isAlive({ pid, startTime: 1 }), false);
    assert.equal(holdsSocket(pid, "1"), false);
    assert.equal(descriptorTarget(pid, 0), undefined);
    assert.equal(listenerInode(80, pid), undefined);
  });
}

test("processes are found by what is said of them", async (t) => {
  const mark = `mark-${process.pid}-${process.hrtime.bigint()}`;
  const child = await waitingShell(t, ":", "name", mark);
  assert.deepEqual(
    findProcesses(({ argv }) => argv.includes(mark)).map(({ pid }) => pid),
    [child.pid],
  );
});

test("a port where nobody listens has no listener", async () => {
  assert.equal(listenerInode(await freePort()), undefined);
  assert.equal(holdsSocket(process.pid, "4294967295"), false);
});

test("a process in this mount namespace sees the same directory", async (t) => {
  const directory = temporaryDirectory(t, "procfs");
  const child = await waitingShell(t, ":");
  assert.equal(seesSameDirectory(child.pid, directory), true);
});

test("a process in another mount namespace sees the same directory only where it is the same", async (t) => {
  const directory = temporaryDirectory(t, "procfs");
  for (const name of ["same", "other"]) mkdirSync(join(directory, name));
  symlinkSync(join(directory, "other"), join(directory, "link"));
  const script = 'mount -t tmpfs none "$1/other" && echo ready; read x';
  const child = new Child(t, "unshare", ["-m", "/bin/sh", "-c", script, "name", directory]);
  assert.equal(await child.line(), "ready");
  assert.equal(seesSameDirectory(child.pid, join(directory, "same")), true);
  assert.equal(seesSameDirectory(child.pid, join(directory, "other")), false);
  assert.equal(seesSameDirectory(child.pid, join(directory, "link")), false);
  assert.equal(seesSameDirectory(child.pid, join(directory, "missing")), false);
  await child.kill();
  assert.equal(seesSameDirectory(child.pid, join(directory, "same")), false);
});

for (const address of ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"]) {
  test(`who listens on ${address} gets the connections to 127.0.0.1`, async (t) => {
    const server = createServer().listen(0, address);
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const inode = listenerInode(port);
    assert.ok(inode !== undefined && holdsSocket(process.pid, inode));
  });
}

test("connections to ports of 127.0.0.1 are known while they last, but those that just anybody makes", async (t) => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  assert.equal(connectedPorts("self").has(port), false, "a listener is no connection");
  const program = `require("net").connect(${port}, "127.0.0.1", () => console.log("ready"))`;
  for (const user of [65_534, 0]) {
    const drop = ["--reuid", String(user), "--regid", "65534", "--clear-groups", "--"];
    const child = new Child(t, "setpriv", [...drop, process.execPath, "-e", program]);
    assert.equal(await child.line(), "ready");
    assert.equal(connectedPorts("self").has(port), user === 0, `user ${user}`);
    await child.kill();
  }
  await eventually("it is closed", () => !connectedPorts("self").has(port));
});

test("the mounts of a process are those of its namespace", async (t) => {
  const directory = temporaryDirectory(t, "mounts");
  const point = join(directory, "with blank");
  mkdirSync(point);
  const script = 'mount -t tmpfs none "$1" && echo ready; read x';
  const child = new Child(t, "unshare", ["-m", "/bin/sh", "-c", script, "name", point]);
  assert.equal(await child.line(), "ready");
  assert.equal(readMounts(child.pid).find(({ mountPoint }) => mountPoint === point)?.type, "tmpfs");
  assert.equal(
    readMounts().find(({ mountPoint }) => mountPoint === point),
    undefined,
  );
  assert.equal(readMounts().find(({ mountPoint }) => mountPoint === "/proc")?.type, "proc");
});

test("a process that is gone has no NFS clients", () => {
  assert.deepEqual(readNfsClientPorts(2 ** 22), new Set());
});

test("without systemd as process 1, no unit ends us", () => {
  const isSystemd = readFileSync("/proc/1/comm", "utf8").trim() === "systemd";
  assert.equal(isSystemdRunning(), isSystemd);
  if (!isSystemd) assert.equal(unitThatEnds(), undefined);
});
