import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Load, showGaps } from "../runner/load.ts";
import { NodePlugin } from "../runner/node-plugin.ts";
import { readProcess } from "../runner/proc.ts";
import { STATE } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/** So many processes take the pids that tunnels had in the container before. */
const BYSTANDERS = 60;

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first, second } = endpoint;
    const plugin = await NodePlugin.prepare(guest);
    const places = [
      { target: first, path: plugin.volume("one") },
      { target: second, path: plugin.volume("two") },
    ] as const;
    const before = plugin.start();
    await guest.eventually(
      "its watchdog watches",
      () => product.watchdogLog.includes(" - Watching "),
      30_000,
    );
    for (const { target, path } of places) await plugin.mount(before, `${target.id}:/`, path);
    const load = await Load.start(guest, ...places);

    // Another version of the helper has written the configurations, for another build of stunnel; the driver
    // takes out what newer ones do not know.
    const configurations = readdirSync(STATE).filter((name) => name.startsWith("stunnel-config."));
    assert.equal(configurations.length, places.length);
    for (const name of configurations) {
      const text = readFileSync(join(STATE, name), "utf8");
      assert.match(text, /^libwrap = no$/m);
      writeFileSync(join(STATE, name), text.replace(/^libwrap = no$/m, "").replace(/^pid = .*$/m, "pid ="));
    }
    await before.kill();
    await guest.eventually("no tunnel is left", () => product.stunnels().length === 0);

    const after = plugin.start(`for each in $(seq ${BYSTANDERS}); do sleep 1000 & done`);
    await load.goesOn("in the next container", 60_000);
    const gaps = new Map([["from container to container", load.takeGap()]]);
    const main = await after.main();
    const bystanders = guest.processes(({ parent, argv }) => parent === main && argv[0] === "sleep");
    assert.equal(bystanders.length, BYSTANDERS, "nobody is ended for having a pid that a tunnel had");

    // the driver ends the watchdog so, and starts it again at once
    const tunnels = product.stunnels();
    const [watchdog] = guest.processes(
      ({ parent, argv }) => parent === main && argv[0] === "amazon-efs-mount-watchdog",
    );
    assert.ok(watchdog !== undefined);
    const starts = () => product.watchdogLog.split(" - Watching ").length;
    const known = starts();
    process.kill(watchdog.pid, "SIGKILL");
    await guest.eventually("the next watchdog watches", () => starts() > known, 30_000);
    await load.goesOn("with the next watchdog");
    gaps.set("while the watchdog is replaced", load.takeGap());
    assert.deepEqual(product.stunnels(), tunnels, "tunnels do not notice");

    // a pod has the volume in a mount namespace of its own, and is slower to end than the plugin
    const [{ path }] = places;
    const pod = guest.service("unshare", ["--mount", "--propagation", "private", "sleep", "1000"], "ignore");
    await guest.eventually("the pod has its mounts", () => readProcess(pod.pid)?.argv[0] === "sleep");
    await load.finish();
    await showGaps(guest, gaps);
    await guest.write(join(path, "for-the-pod"), "still there");
    assert.equal((await after.run(["umount", path])).status, 0);
    assert.ok(!guest.nfsMounts().some((mount) => mount.path === path), "it is unmounted on the machine too");
    const seen = await guest.ok("nsenter", [
      "--target",
      String(pod.pid),
      "--mount",
      "--root",
      "cat",
      join(path, "for-the-pod"),
    ]);
    assert.equal(seen, "still there");
    assert.equal(product.stunnels().length, places.length, "its tunnel is there for the pod");
    await pod.stop();
    await guest.eventually("its tunnel goes with the pod", () => product.stunnels().length === 1);
    assert.equal((await after.run(["umount", "-f", places[1].path])).status, 0);
    await product.gone();
    await after.kill();
  },
  { limitMs: 180_000 },
);
