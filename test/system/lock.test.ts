import assert from "node:assert/strict";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { EfsError } from "../../src/core/errors.ts";
import { takeLock, takePassingLock } from "../../src/system/lock.ts";
import { startDetached } from "../../src/system/process.ts";
import { temporaryDirectory } from "../support/authority.ts";
import { buildChild, startChild } from "../support/children.ts";
import { kill } from "../support/watchdog-rig.ts";

const child = buildChild({ after });

test("a lock that another process has is not given", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const holder = startChild(t, child, "lock", path, "0");
  assert.equal(await holder.line(), "locked");
  assert.equal(await takeLock(path, 0), undefined);
  assert.equal(await takeLock(path, 50), undefined);
});

test("a lock ends with its holder, however that ends, and the next one gets it", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const holder = startChild(t, child, "lock", path, "0");
  assert.equal(await holder.line(), "locked");
  const waiting = takeLock(path, 30_000);
  await holder.kill();
  const lock = await waiting;
  assert.ok(lock !== undefined);
  assert.equal(await startChild(t, child, "lock", path, "0").line(), "another one has it");
  lock.release();
  assert.equal(await startChild(t, child, "lock", path, "0").line(), "locked");
});

test("a lock excludes within one process too, until it is released", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const first = await takeLock(path, 0);
  assert.ok(first !== undefined);
  assert.equal(await takeLock(path, 0), undefined);
  first.release();
  const second = await takeLock(path, 0);
  assert.ok(second !== undefined);
  second.release();
});

test("of many that want a lock at once exactly one gets it", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const locks = await Promise.all(Array.from({ length: 10 }, () => takeLock(path, 0)));
  assert.equal(locks.filter((lock) => lock !== undefined).length, 1);
  for (const lock of locks) lock?.release();
});

test("a child that outlives its parent's lock does not keep it", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const lock = await takeLock(path, 0);
  const { pid } = startDetached("/bin/sleep", ["1000"], { output: 2, descriptors: [] });
  t.after(() => kill(pid));
  lock?.release();
  const again = await takeLock(path, 0);
  assert.ok(again !== undefined);
  again.release();
});

test("only its owner can open a lock's file, also one that was made for everybody", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  writeFileSync(path, "", { mode: 0o644 });
  const lock = await takeLock(path, 0);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  lock?.release();
});

test("where the lock's directory is not there, the error says so", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "missing", "lock");
  await assert.rejects(takeLock(path, 0), (error) => {
    return error instanceof EfsError && error.kind === "system" && error.message.includes(path);
  });
  assert.equal(existsSync(join(path, "..")), false);
});

test("waiting for a passing lock ends with its signal, and nothing waits on", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const first = await takePassingLock(path, 0);
  const controller = new AbortController();
  const waiting = takePassingLock(path, 60_000, controller.signal);
  const why = new Error("enough");
  controller.abort(why);
  await assert.rejects(waiting, why);
  first?.release();
  const next = await takePassingLock(path, 0);
  assert.ok(next !== undefined);
  next.release();
});

test("a passing lock's file is there as long as somebody has it", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const lock = await takePassingLock(path, 0);
  assert.ok(lock !== undefined && existsSync(path));
  assert.equal(await takePassingLock(path, 0), undefined);
  lock.release();
  assert.equal(existsSync(path), false);
});

test("all who wait for a passing lock have it in turn, each alone, and no file is left", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  let having = 0;
  const turns = Array.from({ length: 10 }, async () => {
    const lock = await takePassingLock(path, 60_000);
    having += 1;
    const alone = having === 1;
    await new Promise(setImmediate);
    having -= 1;
    lock?.release();
    return lock !== undefined && alone;
  });
  assert.deepEqual(await Promise.all(turns), Array(10).fill(true));
  assert.equal(existsSync(path), false);
});

test("who has waited for a passing lock has the one that others see", async (t) => {
  const path = join(temporaryDirectory(t, "lock"), "lock");
  const first = await takePassingLock(path, 0);
  const waiting = takePassingLock(path, 60_000);
  first?.release();
  const second = await waiting;
  assert.ok(second !== undefined);
  assert.equal(await takePassingLock(path, 0), undefined);
  second.release();
});
