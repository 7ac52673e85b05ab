import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  mkdirSync(join(first.server.directory, "below"));
  await mount(guest, `${first.id}:/`, "tls");
  await mount(guest, `${first.id}:/below`, "tls", { path: "/mnt/below" });
  const [traces, stunnels] = [product.traces(), product.stunnels().map(({ pid }) => pid)];

  // By id, by name, and with another path.
  await mount(guest, `${first.id}:/`, "tls");
  await mount(guest, `${first.name}:/`, "tls");
  await mount(guest, `${first.id}:/below`, "tls", { path: "/mnt/below" });
  assert.deepEqual(product.traces(), traces);
  assert.deepEqual(
    product.stunnels().map(({ pid }) => pid),
    stunnels,
  );
  assert.equal(stunnels.length, 2);
  await leadsTo(guest, first.server.directory);
  await unmount(guest, "/mnt/below", MOUNT_POINT);
});
