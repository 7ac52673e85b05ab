import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { writeFstab } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const [PATH, MOUNT_POINT] = ["/some files/größer als 東京", "/mnt/my files/Übung 1"];

/** As fstab(5) wants it. */
const escaped = (text: string) => text.replaceAll(" ", "\\040");

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  const directory = join(first.server.directory, PATH);
  await product.startWatchdog();
  mkdirSync(directory, { recursive: true });

  await mount(guest, `${first.id}:${PATH}`, "tls", { path: MOUNT_POINT });
  await leadsTo(guest, directory, MOUNT_POINT);
  guest.figure(guest.mountAt(MOUNT_POINT).line.split(" ").slice(0, 3).join(" "));
  assert.equal(product.stateFiles().length, 3);
  await mount(guest, `${first.id}:${PATH}`, "tls", { path: `${MOUNT_POINT}/../Übung 1/` }); // There already.
  assert.equal(guest.nfsMounts().length, 1);
  assert.ok(product.log.includes(`Successfully mounted ${first.name} at ${MOUNT_POINT}`));
  await unmount(guest, MOUNT_POINT);

  writeFstab(`${first.id}:${escaped(PATH)} ${escaped(MOUNT_POINT)} efs _netdev,tls 0 0`);
  await guest.ok("mount", [MOUNT_POINT], { timeoutMs: 60_000 });
  await leadsTo(guest, directory, MOUNT_POINT);
  await unmount(guest, MOUNT_POINT);
});
