import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { reservePort } from "../../../src/app/tunnel/port.ts";
import { parseConfig, settings } from "../../../src/core/config/config.ts";
import type { Port } from "../../../src/core/ids.ts";
import { type BoundPort, bindPort } from "../../../src/system/network.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { freePort } from "../../support/watchdog-rig.ts";

const inRange = (first: number, end: number) =>
  settings(parseConfig(`[mount]\nport_range_lower_bound = ${first}\nport_range_upper_bound = ${end}`, "f"));

/** Ports that follow each other and are all free now. */
async function freeRange(count: number): Promise<Port> {
  for (;;) {
    const first = await freePort();
    if (first + count > 65_536) continue;
    const bound: (BoundPort | undefined)[] = [];
    for (let offset = 0; offset < count; offset += 1) bound.push(await bindPort((first + offset) as Port));
    await Promise.all(bound.map((each) => each?.close()));
    if (bound.every((each) => each !== undefined)) return first;
  }
}

function closeAfter(t: TestContext, bound: BoundPort): BoundPort {
  t.after(() => bound.close());
  return bound;
}

test("a random port of the range is bound", async (t) => {
  const directory = temporaryDirectory(t, "port");
  const first = await freeRange(4);
  for (const [random, offset] of [
    [0, 0],
    [0.5, 2],
    [0.999, 3],
  ] as const) {
    const bound = closeAfter(t, await reservePort(undefined, inRange(first, first + 4), directory, random));
    assert.equal(bound.port, first + offset);
  }
});

test("ports that others have are passed over, to the range's end and from its start", async (t) => {
  const directory = temporaryDirectory(t, "port");
  const first = await freeRange(4);
  const range = inRange(first, first + 4);
  const ports: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    ports.push(closeAfter(t, await reservePort(undefined, range, directory, 0.5)).port);
  }
  assert.deepEqual(ports, [first + 2, first + 3, first, first + 1]);
  await assert.rejects(reservePort(undefined, range, directory, 0.5), {
    kind: "system",
    message: `no port from ${first} to ${first + 3} is free on 127.0.0.1`,
    hint: /port_range_upper_bound/,
  });
});

test("ports that state files claim are passed over, also of other helpers and of mounts that are being made", async (t) => {
  const directory = temporaryDirectory(t, "port");
  const first = await freeRange(4);
  writeFileSync(join(directory, `fs-1.mnt.${first}`), "{}");
  writeFileSync(join(directory, `~fs-2.mnt.b.${first + 1}`), "");
  writeFileSync(join(directory, `stunnel-config.fs-3.mnt.${first + 2}`), "");
  writeFileSync(join(directory, "watchdog.lock"), "");
  const bound = closeAfter(t, await reservePort(undefined, inRange(first, first + 4), directory, 0));
  assert.equal(bound.port, first + 2);
});

test("helpers that choose at once have different ports", async (t) => {
  const directory = temporaryDirectory(t, "port");
  const first = await freeRange(20);
  const choices = Array.from({ length: 20 }, () =>
    reservePort(undefined, inRange(first, first + 20), directory, 0),
  );
  const bound = await Promise.all(choices);
  for (const each of bound) closeAfter(t, each);
  assert.equal(new Set(bound.map(({ port }) => port)).size, 20);
});

test("a given port is the one, whatever the range is", async (t) => {
  const directory = temporaryDirectory(t, "port");
  const port = await freePort();
  const bound = closeAfter(t, await reservePort(port, inRange(1, 1), directory, 0));
  assert.equal(bound.port, port);
  await assert.rejects(reservePort(port, inRange(1, 1), directory, 0), {
    kind: "system",
    message: `port ${port} on 127.0.0.1 is in use`,
    hint: /tlsport/,
  });
});

test("a range without ports is an error of the configuration", async (t) => {
  const directory = temporaryDirectory(t, "port");
  for (const [first, end] of [
    [20_449, 20_049],
    [20_049, 20_049],
  ] as const) {
    await assert.rejects(reservePort(undefined, inRange(first, end), directory, 0), {
      kind: "config",
      message: new RegExp(`from ${first} to ${end} is empty`),
      hint: /port_range_lower_bound/,
    });
  }
});

test("the last port of all can be in the range", async (t) => {
  const directory = temporaryDirectory(t, "port");
  const bound = await reservePort(undefined, inRange(65_535, 65_536), directory, 0).catch(() => undefined);
  if (bound !== undefined) assert.equal(closeAfter(t, bound).port, 65_535);
});

test("without a state directory nobody claims a port, and none is made", async (t) => {
  const directory = join(temporaryDirectory(t, "port"), "missing");
  const first = await freeRange(1);
  closeAfter(t, await reservePort(undefined, inRange(first, first + 1), directory, 0));
  assert.equal(existsSync(directory), false);
});
