import assert from "node:assert/strict";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { bindPort, isReachable } from "../../src/system/network.ts";
import { holdsSocket, listenerInode } from "../../src/system/procfs.ts";
import { tcpServer } from "../support/authority.ts";
import { Child } from "../support/children.ts";
import { boundPort } from "../support/own-tunnel.ts";
import { eventually, freePort } from "../support/watchdog-rig.ts";

/** Longer than anything here takes; nothing waits for it. */
const LIMIT = 30_000;

test("a port that is bound is nobody else's until it is closed", async () => {
  const bound = await boundPort();
  assert.equal(await bindPort(bound.port), undefined);
  bound.close();
  await eventually("it is free", async () => (await isReachable("127.0.0.1", bound.port, LIMIT)) === false);
  const again = await bindPort(bound.port);
  assert.equal(again?.port, bound.port);
  again?.close();
});

test("of many that bind one port at once exactly one gets it", async () => {
  const port = await freePort();
  const bound = await Promise.all(Array.from({ length: 20 }, () => bindPort(port)));
  assert.equal(bound.filter((each) => each !== undefined).length, 1);
  for (const each of bound) each?.close();
});

test("a port that a server has on all addresses is in use", async (t) => {
  const other = await tcpServer(t, () => {});
  assert.equal(await bindPort(other as Parameters<typeof bindPort>[0]), undefined);
});

test("a bound port is known by its socket", async (t) => {
  const bound = await boundPort();
  t.after(() => bound.close());
  assert.match(bound.name, /^socket:\[\d+\]$/);
  assert.equal(readlinkSync(`/proc/self/fd/${bound.descriptor}`), bound.name);
  const inode = listenerInode(bound.port);
  assert.equal(`socket:[${inode}]`, bound.name);
  assert.equal(holdsSocket(process.pid, inode ?? ""), true);
});

test("a child that is handed the socket keeps the port listening after it is closed here", async (t) => {
  const bound = await boundPort();
  const heir = new Child(t, "/bin/sh", ["-c", "readlink /proc/$$/fd/3; read x"], [bound.descriptor]);
  assert.equal(await heir.line(), bound.name);
  bound.close();
  assert.equal(await isReachable("127.0.0.1", bound.port, LIMIT), true);
  assert.equal(`socket:[${listenerInode(bound.port)}]`, bound.name);
  assert.equal(holdsSocket(heir.pid, listenerInode(bound.port) ?? ""), true);
  assert.equal(await bindPort(bound.port), undefined);
  await heir.kill();
  // somebody else may have the port by then
  const isGone = () => `socket:[${listenerInode(bound.port)}]` !== bound.name;
  await eventually("its socket is gone", isGone);
});

test("a child that is not handed the socket does not have it", async (t) => {
  const bound = await boundPort();
  const child = new Child(t, "/bin/sh", ["-c", "echo ready; read x"]);
  assert.equal(await child.line(), "ready");
  assert.equal(holdsSocket(child.pid, listenerInode(bound.port) ?? ""), false);
  bound.close();
  await eventually("nobody listens", () => listenerInode(bound.port) === undefined);
});

test("who connects to a port that is only reserved is sent away", async (t) => {
  const bound = await boundPort();
  t.after(() => bound.close());
  const socket = connect(bound.port, "127.0.0.1").on("error", () => {});
  await once(socket, "close");
});

test("a server that listens can be reached, and one that does not cannot", async (t) => {
  assert.equal(await isReachable("127.0.0.1", await tcpServer(t, () => {}), LIMIT), true);
  assert.equal(await isReachable("127.0.0.1", await freePort(), LIMIT), false);
});
