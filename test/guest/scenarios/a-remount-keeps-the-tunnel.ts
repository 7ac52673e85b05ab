import assert from "node:assert/strict";
import type { Guest } from "../runner/guest.ts";
import { leadsTo, mount, portOf, tryMount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT, writeFstab } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/** Whether the mount is what it should be, in the table and in fact. */
async function isWritable(guest: Guest, wanted: boolean): Promise<void> {
  const { options, line } = guest.mountAt(MOUNT_POINT);
  assert.equal(options.has("rw"), wanted, line);
  const touched = await guest.run("touch", [`${MOUNT_POINT}/touched`]);
  assert.equal(touched.status === 0, wanted);
  if (!wanted) assert.match(touched.stderr, /Read-only file system/);
}

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  await product.startWatchdog();
  await mount(guest, `${first.id}:/`, "tls");
  const [port, stunnel, files] = [portOf(guest), product.stunnelOf(MOUNT_POINT).pid, product.stateFiles()];
  const isSameTunnel = () => {
    assert.equal(portOf(guest), port);
    assert.deepEqual(product.ports(), [port]);
    assert.equal(product.stunnelOf(MOUNT_POINT).pid, stunnel);
    assert.deepEqual(product.stateFiles(), files);
  };

  // The helper, with all words.
  await mount(guest, `${first.id}:/`, "remount,tls,ro");
  await isWritable(guest, false);
  isSameTunnel();
  await mount(guest, `${first.id}:/`, "remount,tls,rw");
  await isWritable(guest, true);
  isSameTunnel();

  // Never to another file system.
  const other = await tryMount(guest, `${second.id}:/`, "remount,tls,ro");
  assert.equal(other.status, 32);
  assert.ok(other.stderr.includes(`${MOUNT_POINT} has ${first.id}`), other.stderr);
  await isWritable(guest, true);
  isSameTunnel();

  // By the mount point, which mount(8) looks up in the mount table.
  await guest.ok("mount", ["-o", "remount,ro", MOUNT_POINT]);
  await isWritable(guest, false);
  isSameTunnel();
  await guest.ok("mount", ["-o", "remount,rw", MOUNT_POINT]);

  // And in fstab, where there is a line.
  writeFstab(`${first.id}:/ ${MOUNT_POINT} efs _netdev,tls 0 0`);
  await guest.ok("mount", ["-o", "remount,ro", MOUNT_POINT]);
  await isWritable(guest, false);
  isSameTunnel();
  await guest.ok("mount", ["-o", "remount,rw", MOUNT_POINT]);
  await leadsTo(guest, first.server.directory);
  await unmount(guest);
});
