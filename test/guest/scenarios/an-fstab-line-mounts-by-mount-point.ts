import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { MOUNT_POINT, writeFstab } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  writeFstab("fs-12345678:/ /mnt/efs efs _netdev,tls 0 0");
  mkdirSync(MOUNT_POINT, { recursive: true });
  await guest.ok("mount", ["/mnt/efs"]);
  assert.match(guest.mountAt(MOUNT_POINT).options.get("port") ?? "", /^20\d{3}$/);
  await guest.write("/mnt/efs/hello", "by fstab");
  assert.equal(await guest.read(`${guest.endpoint.first.server.directory}/hello`), "by fstab");
  await guest.umount(MOUNT_POINT);
  await guest.product.gone();
});
