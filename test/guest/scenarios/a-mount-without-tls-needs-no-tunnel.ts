import assert from "node:assert/strict";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { first } = guest.endpoint;
  guest.endpoint.resolve({ [first.name]: first.server.address });
  await product.mount(first, []);

  const mount = guest.mountAt(MOUNT_POINT);
  guest.figure(mount.line);
  assert.equal(mount.device, `${first.name}:/`);
  assert.equal(mount.options.get("addr"), first.server.address);
  assert.equal(mount.options.get("vers"), "4.1");
  assert.equal(mount.options.has("port"), false);
  assert.deepEqual(product.tunnelProcesses(), []);
  assert.deepEqual(product.ports(), []);
  await guest.write("/mnt/efs/hello", "in clear");
  assert.equal(await guest.read(`${first.server.directory}/hello`), "in clear");
  assert.match(product.log, /Successfully mounted fs-12345678\.efs\.us-east-1\.amazonaws\.com at \/mnt\/efs/);

  await guest.umount(MOUNT_POINT);
  // A state file may stay until the watchdog runs.
  await product.startWatchdog();
  await product.gone();
});
