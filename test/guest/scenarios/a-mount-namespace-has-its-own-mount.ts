import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { must } from "../runner/command.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/** A file that stands for a mount namespace has to be in a mount that is private. */
const DIRECTORY = "/run/mount-namespaces";
const NAMESPACE = `${DIRECTORY}/tenant`;

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  await product.startWatchdog();
  for (const path of [DIRECTORY, MOUNT_POINT]) mkdirSync(path, { recursive: true });
  await guest.ok("mount", ["-t", "tmpfs", "--make-private", "tmpfs", DIRECTORY]);
  guest.onEnd(() => must("umount", ["-R", "-l", DIRECTORY]));
  writeFileSync(NAMESPACE, "");
  await guest.ok("unshare", [`--mount=${NAMESPACE}`, "--propagation", "private", "true"]);
  // The guest's root is one of chroot(2), which who enters a mount namespace loses.
  await guest.ok("nsenter", [`--mount=${NAMESPACE}`, "busybox", "mount", "-o", "move", "/mnt/root", "/"]);
  const inThere = (...command: string[]) => guest.ok("nsenter", [`--mount=${NAMESPACE}`, ...command]);
  const mount = (id: string) =>
    guest.run("/sbin/mount.efs", [`${id}:/`, MOUNT_POINT, "-N", NAMESPACE, "-o", "rw,tls"]);

  assert.equal((await mount(first.id)).status, 0);
  assert.deepEqual(guest.nfsMounts(), [], "nothing is mounted out here");
  const table = (await inThere("cat", "/proc/self/mounts")).split("\n");
  assert.equal(table.filter((line) => line.includes(` ${MOUNT_POINT} nfs4 `)).length, 1);
  await inThere("sh", "-c", `echo in there > ${MOUNT_POINT}/proof`);
  assert.equal(await guest.read(`${first.server.directory}/proof`), "in there\n");
  const [port] = product.ports();

  // What is mounted in there counts.
  const again = await mount(first.id);
  assert.equal(again.status, 0, again.stderr);
  assert.match(product.log, /is mounted at \/mnt\/efs already/);
  const other = await mount(second.id);
  assert.equal(other.status, 32);
  assert.ok(other.stderr.includes(`${MOUNT_POINT} has ${first.id}`), other.stderr);
  assert.deepEqual(product.ports(), [port]);

  await inThere("umount", MOUNT_POINT);
  await product.gone();
});
