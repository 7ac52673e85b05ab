import assert from "node:assert/strict";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.product.mount(guest.endpoint.first);
  // The guide's command, verbatim.
  const line = await guest.shell(
    'grep -E "Successfully mounted.*/mnt/efs" /var/log/amazon/efs/mount.log | tail -1',
  );
  guest.figure(line.trim());
  assert.match(
    line,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ - INFO - Successfully mounted fs-12345678\.efs\.us-east-1\.amazonaws\.com at \/mnt\/efs\n$/,
  );
  await guest.umount(MOUNT_POINT);
  await guest.product.gone();
});
