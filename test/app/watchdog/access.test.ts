import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { firewall } from "../../../src/app/access/firewall.ts";
import { emptyConfig } from "../../../src/core/config/config.ts";
import { policyOf } from "../../../src/core/watchdog/policy.ts";
import { findProcesses } from "../../../src/system/procfs.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import { Child } from "../../support/children.ts";
import { NOBODY, ROOT, User } from "../../support/user.ts";
import { eventually, freePort, kill, Rig } from "../../support/watchdog-rig.ts";

const NFT = firewall("/usr/sbin/nft", undefined);
const ROUND_MS = 100_000;

const setOf = async () => [...(await NFT.closedPorts())].sort();
const closed = (...ports: number[]) =>
  eventually(`closed: ${ports}`, async () => String(await setOf()) === String(ports.sort()));

/** Whether there is a table of ours. */
function hasTable(): boolean {
  try {
    run("/usr/sbin/nft", "list", "table", "ip", "amazon_efs_mount_helper");
    return true;
  } catch {
    return false;
  }
}

await inNamespaces(["--mount"], () => {
  const broken: string[] = [];
  afterEach(async () => {
    for (const program of broken.splice(0)) run("umount", program);
    await NFT.clear();
  });

  const watch = (rig: Rig, more = {}) => rig.watch("", { tunnelAccess: "auto", roundMs: ROUND_MS, ...more });

  test("the ports of tunnels that others started are closed, and opened when their tunnels end", async (t) => {
    const rig = new Rig(t);
    const [first, second] = [await rig.tunnel({ runs: "alone" }), await rig.tunnel()];
    await watch(rig);
    await closed(first.port, second.port);
    const nobody = new User(t, NOBODY);
    assert.equal(await nobody.connect(first.port), "ECONNREFUSED");
    // its stunnel accepts, and may close at once: it has no server
    assert.notEqual(await new User(t, ROOT).connect(first.port), "ECONNREFUSED");
    first.unmount();
    await closed(second.port);
    second.unmount();
    await eventually("our table is gone", () => !hasTable());
    assert.deepEqual(rig.logged(/ERROR|WARNING .*(user|rules|port)s\b/), []);
  });

  test("rules that somebody flushes are back at once, and that is told", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await watch(rig);
    await closed(tunnel.port);
    await eventually("nft monitors", () => monitors().length === 1);
    const began = performance.now();
    run("/usr/sbin/nft", "flush", "ruleset");
    await closed(tunnel.port);
    t.diagnostic(`back after ${(performance.now() - began).toFixed(0)} ms`);
    await eventually(
      "it is told",
      () => rig.logged(/WARNING .*rules for tunnels were removed, and are back/).length === 1,
    );
    assert.equal(await new User(t, NOBODY).connect(tunnel.port), "ECONNREFUSED");
  });

  test("rules that are taken from the table are back when everything is looked at", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const watchdog = await watch(rig);
    await closed(tunnel.port);
    run("/usr/sbin/nft", "flush", "chain", "ip", "amazon_efs_mount_helper", "output");
    const nobody = new User(t, NOBODY);
    // with a reload everything is looked at
    watchdog.reload({ ...policyOf(emptyConfig("test.conf")), roundMs: ROUND_MS });
    await eventually(
      "others are kept out again",
      async () => (await nobody.connect(tunnel.port)) === "ECONNREFUSED",
    );
  });

  test("a tunnel that is started again has its port closed before, also after a flush", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no" });
    const nobody = new User(t, NOBODY);
    await watch(rig);
    await eventually("it listens", tunnel.isListening);
    assert.equal(await nobody.connect(tunnel.port), "ECONNREFUSED");
  });

  test("a tunnel keeps its port closed when its processes die and come back", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await watch(rig);
    await closed(tunnel.port);
    for (const { pid } of rig.processes()) await kill(pid);
    assert.deepEqual(await setOf(), [tunnel.port]);
    await eventually("it listens again", tunnel.isListening);
    assert.equal(await new User(t, NOBODY).connect(tunnel.port), "ECONNREFUSED");
    assert.deepEqual(await setOf(), [tunnel.port]);
  });

  test("what a mount left that was killed before it wrote anything is opened", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const stale = await freePort();
    await NFT.change({ close: [stale], open: [] });
    await watch(rig);
    await closed(tunnel.port);
  });

  test("ports on which root listens are another watchdog's, and stay closed", async (t) => {
    const rig = new Rig(t);
    const root = new User(t, ROOT);
    const [theirs, own] = [await freePort(), await rig.tunnel()];
    await root.listen(theirs);
    await NFT.change({ close: [theirs], open: [] });
    await watch(rig);
    await closed(theirs, own.port);
    own.unmount();
    await closed(theirs);
  });

  test("in another network namespace ports are closed in there", async (t) => {
    const holder = new Child(t, "unshare", [
      "--net",
      "/bin/sh",
      "-c",
      "ip link set lo up; echo ready; read x",
    ]);
    assert.equal(await holder.line(), "ready");
    const path = `/proc/${holder.pid}/ns/net`;
    const inside = firewall("/usr/sbin/nft", path);
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ state: { networkNamespace: path } });
    await watch(rig);
    await eventually("it is closed in there", async () => (await inside.closedPorts()).has(tunnel.port));
    assert.deepEqual(await setOf(), []);
  });

  test("where no program works that is told once, and tunnels are looked after all the same", async (t) => {
    for (const name of ["nft", "xtables-nft-multi", "xtables-legacy-multi"]) {
      run("mount", "--bind", "/bin/false", `/usr/sbin/${name}`);
      broken.push(`/usr/sbin/${name}`);
    }
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no" });
    await watch(rig);
    await eventually("it listens", tunnel.isListening);
    await eventually(
      "it is told",
      () => rig.logged(/WARNING .*Every local user can use the tunnels/).length === 1,
    );
  });

  test("tunnel_access = any closes nothing, and keeps closed what is", async (t) => {
    const rig = new Rig(t);
    const [first, second] = [await rig.tunnel(), await rig.tunnel()];
    await NFT.change({ close: [first.port], open: [] });
    // what else an earlier watchdog left is opened when everything is looked at
    await watch(rig, { tunnelAccess: "any", roundMs: 1000 });
    second.unmount();
    await eventually("the second ends", async () => !(await second.isListening()));
    await closed(first.port);
  });

  test("nothing runs for the rules without tunnels", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    await watch(rig);
    await eventually("nft monitors", () => monitors().length === 1);
    tunnel.unmount();
    await eventually("nothing monitors", () => monitors().length === 0);
    await eventually("our table is gone", () => !hasTable());
  });
});

/** Processes that tell of changes of the packet filter, among the children of this one. */
function monitors() {
  return findProcesses(({ argv, parent }) => argv.includes("monitor") && parent === process.pid);
}
