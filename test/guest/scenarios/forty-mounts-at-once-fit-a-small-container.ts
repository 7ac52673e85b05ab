import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import { recordedPorts } from "../runner/mounting.ts";
import { NodePlugin } from "../runner/node-plugin.ts";
import { scenario } from "../runner/scenario.ts";

const NAMES = Array.from({ length: 40 }, (_, at) => `directory-${at}`);
const LIMIT_MIB = 256;
const MIB = 2 ** 20;

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first } = endpoint;
    const { group, read } = await memoryGroup(guest, LIMIT_MIB * MIB);
    const plugin = await NodePlugin.prepare(guest, { group, gated: true });
    for (const name of NAMES) mkdirSync(join(first.server.directory, name));
    const container = plugin.start();
    await guest.eventually(
      "its watchdog watches",
      () => product.watchdogLog.includes(" - Watching "),
      30_000,
    );

    const begin = performance.now();
    await Promise.all(
      NAMES.map((name) =>
        plugin.mount(container, `${first.id}:/${name}`, plugin.volume(name), "tls", 240_000),
      ),
    );
    const seconds = (performance.now() - begin) / 1000;
    assert.equal(new Set(recordedPorts()).size, NAMES.length);
    assert.equal(product.stunnels().length, NAMES.length);
    assert.match(read("memory.events"), /^oom_kill 0$/m);
    for (const name of NAMES) {
      await guest.write(join(plugin.volume(name), "proof"), name);
      assert.equal(readFileSync(join(first.server.directory, name, "proof"), "utf8"), name);
    }
    const mib = (text: string) => (Number(text) / MIB).toFixed(0);
    const kept = mib(/^anon (\d+)$/m.exec(read("memory.stat"))?.[1] ?? "");
    guest.figure(
      `${NAMES.length} mounts at once in a container of ${LIMIT_MIB} MiB: ${seconds.toFixed(1)} s, ` +
        `${mib(read("memory.peak"))} MiB at most, ${kept} MiB of processes afterwards`,
    );

    await guest.ok(
      "umount",
      NAMES.map((name) => plugin.volume(name)),
      { timeoutMs: 60_000 },
    );
    await product.gone(60_000);
    await container.kill();
  },
  { limitMs: 360_000 },
);

/** A control group of this much memory and no swap, and how to read what it tells. */
async function memoryGroup(guest: Guest, bytes: number) {
  const root = "/run/cgroup";
  const group = join(root, "node-plugin");
  mkdirSync(root, { recursive: true });
  await guest.ok("mount", ["-t", "cgroup2", "cgroup2", root]);
  guest.onEnd(async () => {
    rmdirSync(group);
    await must("umount", [root]);
  });
  writeFileSync(join(root, "cgroup.subtree_control"), "+memory");
  mkdirSync(group);
  writeFileSync(join(group, "memory.max"), String(bytes));
  return { group, read: (name: string) => readFileSync(join(group, name), "utf8") };
}
