import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  await product.startWatchdog();
  mkdirSync(MOUNT_POINT, { recursive: true });
  await guest.ok("mount", ["-t", "tmpfs", "tmpfs", MOUNT_POINT]);
  await guest.write(`${MOUNT_POINT}/below`, "the tmpfs");

  await mount(guest, `${endpoint.first.id}:/`, "tls");
  await leadsTo(guest, endpoint.first.server.directory);
  assert.equal(await guest.shell(`ls ${MOUNT_POINT}`), "proof\n");
  await unmount(guest);
  assert.equal(await guest.read(`${MOUNT_POINT}/below`), "the tmpfs");
  await guest.umount(MOUNT_POINT);
});
