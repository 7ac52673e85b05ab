import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ServerLook } from "../../../src/app/mount/server-probe.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";

const NAME = "fs-1.efs.us-east-1.amazonaws.com";
const TARGET = { dnsName: NAME, address: undefined, addresses: ["10.0.0.1", "fd00::1"] } as unknown;

/** What is told of a server at once, and after a second; and where was looked. */
async function look(t: TestContext, target: unknown, reaches: () => Promise<boolean>) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked: string[] = [];
  const server = new ServerLook(target as ResolvedTarget, {
    reaches: (host, port) => {
      asked.push(`${host} ${port}`);
      return reaches();
    },
  });
  const atOnce = server.describe();
  assert.deepEqual(asked, [], "a mount that is soon made is not disturbed");
  t.mock.timers.tick(1000);
  await turn();
  server.stop();
  return { atOnce, later: server.describe(), asked };
}

describe("of a server that is mounted from without a tunnel", () => {
  test("it is told by its name, its addresses and its port, and whether it accepts connections", async (t) => {
    const { atOnce, later, asked } = await look(t, TARGET, async () => true);
    assert.equal(atOnce, `without TLS: ${NAME} (10.0.0.1, fd00::1), port 2049`);
    assert.equal(later, `${atOnce}, accepts connections`);
    assert.deepEqual(asked, ["10.0.0.1 2049"]);
  });

  test("it is told that it accepts none, at the address that is used", async (t) => {
    const target = { dnsName: NAME, address: "10.0.0.9", addresses: ["10.0.0.1"] };
    const { later, asked } = await look(t, target, async () => false);
    assert.equal(later, `without TLS: ${NAME} (10.0.0.9), port 2049, accepts no connections`);
    assert.deepEqual(asked, ["10.0.0.9 2049"]);
  });

  test("no more is told where that cannot be found out", async (t) => {
    const failing = await look(t, TARGET, () => Promise.reject(new Error("no such network")));
    assert.equal(failing.later, failing.atOnce);
    t.mock.timers.reset();
    const unknown = await look(t, { dnsName: NAME, address: undefined }, async () => true);
    assert.deepEqual([unknown.later, unknown.asked], [`without TLS: ${NAME}, port 2049`, []]);
  });
});
