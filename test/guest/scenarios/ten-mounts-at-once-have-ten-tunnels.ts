import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mount, recordedPorts } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

const NAMES = Array.from({ length: 10 }, (_, at) => `directory-${at}`);

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first } = endpoint;
    await product.startWatchdog();
    for (const name of NAMES) mkdirSync(join(first.server.directory, name));
    const path = (name: string) => join("/mnt", name);
    // The metadata service is the runner's process, which may not get to answer ten helpers in time.
    const options = "tls,region=us-east-1";
    const begin = performance.now();
    await Promise.all(
      NAMES.map((name) =>
        mount(guest, `${first.id}:/${name}`, options, { path: path(name), timeoutMs: 120_000 }),
      ),
    );
    guest.figure(`${NAMES.length} mounts at once: ${((performance.now() - begin) / 1000).toFixed(1)} s`);

    // The kernel sends all through one connection, since there is one server; the tunnels are there all the same.
    const ports = recordedPorts();
    assert.equal(new Set(ports).size, NAMES.length, ports.join());
    assert.deepEqual(product.ports().sort(), ports.sort());
    assert.equal(product.stunnels().length, NAMES.length);
    await guest.shell('for name; do echo "$name" > "/mnt/$name/proof"; done', NAMES);
    for (const name of NAMES)
      assert.equal(readFileSync(join(first.server.directory, name, "proof"), "utf8"), `${name}\n`);

    await guest.ok("umount", NAMES.map(path));
    await product.gone(30_000);
  },
  { limitMs: 180_000 },
);
