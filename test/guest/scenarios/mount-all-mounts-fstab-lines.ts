import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { writeFstab } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  writeFstab(
    "fs-12345678:/ /mnt/efs efs _netdev,tls 0 0",
    "fs-87654321:/ /mnt/other efs _netdev,noresvport,tls 0 0",
  );
  for (const path of ["/mnt/efs", "/mnt/other"]) mkdirSync(path, { recursive: true });
  await guest.ok("mount", ["-a", "-t", "efs"], { timeoutMs: 60_000 });
  await guest.write("/mnt/efs/hello", "first line");
  await guest.write("/mnt/other/hello", "second line");
  const { first, second } = guest.endpoint;
  assert.equal(await guest.read(`${first.server.directory}/hello`), "first line");
  assert.equal(await guest.read(`${second.server.directory}/hello`), "second line");

  // Again, as at every `mount -a`: what is mounted stays as it is.
  const before = guest.nfsMounts().map(({ line }) => line);
  await guest.ok("mount", ["-a", "-t", "efs"], { timeoutMs: 60_000 });
  assert.deepEqual(
    guest.nfsMounts().map(({ line }) => line),
    before,
  );

  for (const path of ["/mnt/efs", "/mnt/other"]) await guest.umount(path);
  await guest.product.gone();
});
