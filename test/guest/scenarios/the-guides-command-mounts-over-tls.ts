import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { first } = guest.endpoint;
  await product.startWatchdog();
  const done = await guest.run("mkdir", ["-p", MOUNT_POINT]);
  assert.equal(done.status, 0);
  const begin = performance.now();
  await guest.ok("mount", ["-t", "efs", "-o", "tls", "fs-12345678:/", "/mnt/efs"]);
  guest.figure(`mount -t efs -o tls: ${((performance.now() - begin) / 1000).toFixed(2)} s`);

  await guest.write("/mnt/efs/hello", "over TLS");
  assert.equal(await guest.read("/mnt/efs/hello"), "over TLS");
  assert.equal(await guest.read(`${first.server.directory}/hello`), "over TLS");

  // One stunnel for the mount, on a port of the range, connected to port 2049 of the file system.
  const port = Number(guest.mountAt(MOUNT_POINT).options.get("port"));
  assert.ok(port >= 20049 && port <= 20449, `port ${port}`);
  assert.deepEqual(product.ports(), [port]);
  const stunnels = product.stunnels();
  assert.equal(stunnels.length, 1, JSON.stringify(stunnels));
  assert.equal(stunnels[0]?.pid, product.stunnelOf(MOUNT_POINT).pid);
  const configuration = readFileSync(stunnels[0]?.argv.at(-1) ?? "", "utf8");
  guest.log(configuration);
  assert.match(configuration, new RegExp(`^accept = 127\\.0\\.0\\.1:${port}$`, "m"));
  assert.match(configuration, /^connect = fs-12345678\.efs\.us-east-1\.amazonaws\.com:2049$/m);
  // The watchdog has the name that the guide tells to look for.
  assert.match(await guest.shell("ps -e -o args"), /amazon-efs-mount-watchdog/);

  await guest.umount(MOUNT_POINT);
  await product.gone();
});
