import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { answerNull } from "../../fakes/nfs-null.ts";
import { tlsResponder } from "../../support/tls-responder.ts";
import { eventually, Rig } from "../../support/watchdog-rig.ts";

const QUICK = { everyMs: 50, limitMs: 300 };
/** For servers that answer: a slow machine is not one that is silent. */
const PATIENT = { everyMs: 50, limitMs: 30_000 };

// most of their time is spent waiting for processes
describe("health", { concurrency: 4 }, () => {
  test("a stunnel that is stopped is found and replaced, and its keeper woken", async (t) => {
    const rig = new Rig(t);
    const server = await tlsResponder(t, answerNull);
    const tunnel = await rig.tunnel({ connect: server.port });
    const { pid, keeper } = tunnel.state();
    await rig.watch("", { health: QUICK });
    process.kill(pid, "SIGSTOP");
    process.kill(keeper?.pid ?? 0, "SIGSTOP");
    await eventually("another one runs", () => tunnel.state().pid !== pid);
    assert.equal(rig.logged(new RegExp(`stunnel ${pid} answers nothing`)).length, 1);
    assert.deepEqual(tunnel.state().keeper, keeper);
  });

  test("a tunnel that answers is left alone", async (t) => {
    const rig = new Rig(t);
    let calls = 0;
    const server = await tlsResponder(t, (socket) => {
      calls += 1;
      answerNull(socket);
    });
    const tunnel = await rig.tunnel({ connect: server.port });
    const { pid } = tunnel.state();
    await rig.watch("", { health: PATIENT });
    await eventually("it was asked several times", () => calls >= 4);
    assert.equal(tunnel.state().pid, pid);
    assert.deepEqual(rig.logged(/WARNING|ERROR/), []);
  });

  const blameless: [what: string, serve: ((socket: TLSSocket) => void) | undefined, report: RegExp][] = [
    ["is down", undefined, /its server cannot be reached/],
    ["closes every connection", (socket) => socket.end(), /accepts no new connections/],
    [
      "speaks another protocol",
      (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
      /accepts no new/,
    ],
  ];
  for (const [what, serve, report] of blameless) {
    test(`a server that ${what} is reported once, and its tunnel not replaced`, async (t) => {
      const rig = new Rig(t);
      const server = serve === undefined ? undefined : await tlsResponder(t, serve);
      const tunnel = await rig.tunnel(server === undefined ? {} : { connect: server.port });
      const { pid } = tunnel.state();
      await rig.watch("", { health: PATIENT });
      const other = await rig.tunnel({ mounted: false });
      await eventually("it is reported", () => rig.logged(report).length > 0);
      other.unmount();
      await eventually("time has passed", () => rig.logged(/ended, nothing uses it/).length === 1);
      assert.equal(rig.logged(report).length, 1);
      assert.equal(tunnel.state().pid, pid);
    });
  }

  test("a tunnel that ends while it is asked is no server that cannot be reached", async (t) => {
    const rig = new Rig(t);
    let calls = 0;
    const server = await tlsResponder(t, () => {
      calls += 1;
    });
    const tunnel = await rig.tunnel({ connect: server.port });
    await rig.watch("", { health: PATIENT });
    await eventually("it is being asked", () => calls > 0);
    tunnel.unmount();
    const ended = (count: number) => () => rig.logged(/ended, nothing uses it/).length === count;
    await eventually("it has ended", ended(1));
    const other = await rig.tunnel({ mounted: false });
    other.unmount();
    await eventually("time has passed", ended(2));
    assert.deepEqual(rig.logged(/WARNING|ERROR/), []);
  });
});
