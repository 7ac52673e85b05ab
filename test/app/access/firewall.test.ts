import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { type Firewall, firewall } from "../../../src/app/access/firewall.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import type { Test } from "../../support/authority.ts";
import { NOBODY, ROOT, User } from "../../support/user.ts";
import { freePort } from "../../support/watchdog-rig.ts";

const PROGRAMS = ["/usr/sbin/nft", "/usr/sbin/iptables-nft", "/usr/sbin/iptables-legacy"];

await inNamespaces([], () => {
  const cleanUps: (() => unknown)[] = [];
  const group: Test = { after: (cleanUp) => void cleanUps.push(cleanUp) };
  const root = new User(group, ROOT);
  const nobody = new User(group, NOBODY);
  after(() => Promise.all(cleanUps.map((cleanUp) => cleanUp())));
  for (const program of PROGRAMS)
    describe(`ports closed by ${program}`, () => tests(firewall(program, undefined), root, nobody));
});

function tests(filter: Firewall, root: User, nobody: User): void {
  afterEach(() => filter.clear());

  const close = (...ports: number[]) => filter.change({ close: ports, open: [] });

  async function listen(user: User): Promise<number> {
    const port = await freePort();
    assert.equal(await user.listen(port), "listens");
    return port;
  }

  test("serve root, refuse other users at once, and serve them when they are open again", async () => {
    const port = await listen(root);
    assert.equal(await nobody.connect(port), "connected");
    await close(port);
    assert.equal(await nobody.connect(port), "ECONNREFUSED");
    assert.equal(await root.connect(port), "connected");
    assert.equal(await root.write("hi"), "answered");
    await filter.change({ close: [], open: [port] });
    assert.equal(await nobody.connect(port), "connected");
  });

  test("are closed for the first and the last of user ids too", async (t) => {
    const port = await listen(root);
    await close(port);
    for (const uid of [1, 4_294_967_294])
      assert.equal(await new User(t, uid).connect(port), "ECONNREFUSED", `${uid}`);
  });

  test("take nothing from other users' ports", async () => {
    const closed = await listen(root);
    const other = await listen(nobody);
    await close(closed);
    assert.equal(await nobody.connect(other), "connected");
    assert.equal(await nobody.write("hi"), "answered");
  });

  test("take nothing more from a user who connected before they were closed", async () => {
    const port = await listen(root);
    assert.equal(await nobody.connect(port), "connected");
    await close(port);
    assert.notEqual(await nobody.write("stolen"), "answered");
    assert.equal(await root.heard(), "");
  });

  test("send nothing to another user who listens there", async () => {
    const port = await listen(nobody);
    await close(port);
    assert.notEqual(await root.connect(port), "connected");
    assert.equal(await nobody.heard(), "");
    await filter.change({ close: [], open: [port] });
    assert.equal(await root.connect(port), "connected");
  });

  test("are no place to connect from for other users", async () => {
    const service = await listen(root);
    const [one, other] = [await freePort(), await freePort()];
    await close(one, other);
    assert.notEqual(await nobody.connect(service, one), "connected");
    assert.equal(await root.connect(service, other), "connected");
  });

  test("are those that were closed, however often, until they are opened", async () => {
    assert.deepEqual(await filter.closedPorts(), new Set());
    await close(20_050, 20_049);
    await close(20_049);
    await filter.change({ close: [20_051], open: [20_050, 20_052] });
    assert.deepEqual([...(await filter.closedPorts())].sort(), [20_049, 20_051]);
    await filter.clear();
    await filter.clear();
    assert.deepEqual(await filter.closedPorts(), new Set());
  });

  test("come and go with many others at the same time, and none is lost", async () => {
    const ports = Array.from({ length: 12 }, (_, index) => 20_049 + index);
    await Promise.all(ports.map((port) => close(port)));
    assert.deepEqual(await filter.closedPorts(), new Set(ports));
    const [gone, kept] = [ports.slice(0, 6), ports.slice(6)];
    await Promise.all(gone.map((port) => filter.change({ close: [], open: [port] })));
    assert.deepEqual(await filter.closedPorts(), new Set(kept));
  });

  test("are closed again by the next change after their rules were flushed", async () => {
    const port = await listen(root);
    await close(port);
    if (filter.program.endsWith("/nft")) run(filter.program, "flush", "ruleset");
    else run(filter.program, "-F");
    assert.equal(await nobody.connect(port), "connected");
    assert.deepEqual(await filter.closedPorts(), new Set());
    await close(port);
    assert.equal(await nobody.connect(port), "ECONNREFUSED");
  });

  test("are closed beside others' by their numbers alone, and with all rules where those are gone", async () => {
    const [first, second] = [await listen(root), await freePort()];
    await filter.change({ close: [first], open: [] }, true);
    assert.equal(await nobody.connect(first), "ECONNREFUSED");
    await filter.change({ close: [second], open: [] }, true);
    assert.deepEqual(await filter.closedPorts(), new Set([first, second]));
    await filter.change({ close: [], open: [second] }, true);
    assert.deepEqual(await filter.closedPorts(), new Set([first]));
  });

  test("are closed first of all, whatever else the machine's own rules let through", async (t) => {
    const port = await listen(root);
    const isNft = filter.program.endsWith("/nft");
    const iptables = isNft ? "/usr/sbin/iptables-nft" : filter.program;
    t.after(() => run(iptables, "-F", "OUTPUT"));
    await close(port);
    run(iptables, "-I", "OUTPUT", "1", "-o", "lo", "-j", "ACCEPT");
    if (!isNft) await close(port);
    assert.equal(await nobody.connect(port), "ECONNREFUSED");
  });

  test("can be tried without leaving anything", async () => {
    await filter.test();
    assert.deepEqual(await filter.closedPorts(), new Set());
    await close(20_049);
    await filter.test();
    assert.deepEqual(await filter.closedPorts(), new Set([20_049]));
  });
}
