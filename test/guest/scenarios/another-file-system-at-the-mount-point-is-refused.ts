import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { leadsTo, mount, tryMount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  await product.startWatchdog();
  mkdirSync(join(first.server.directory, "below"));
  await mount(guest, `${first.id}:/`, "tls");
  const traces = product.traces();

  for (const [device, options] of [
    [`${second.id}:/`, "tls"],
    [`${second.id}:/`, ""],
    [`${first.id}:/below`, "tls"],
  ] as const) {
    const done = await tryMount(guest, device, options);
    guest.figure(`${device} ${options}: ${done.stderr.trim()}`);
    assert.equal(done.status, 32);
    assert.ok(done.stderr.includes(`${MOUNT_POINT} has ${first.id}`), "what is mounted there is named");
    assert.deepEqual(product.traces(), traces);
  }
  await leadsTo(guest, first.server.directory);
  await unmount(guest);
});
