import assert from "node:assert/strict";
import { mountByHand, tunnelByHand } from "../runner/by-hand.ts";
import { kernelClients } from "../runner/proc.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { first, second } = guest.endpoint;
  const tunnels = [await tunnelByHand(guest, first, 20051), await tunnelByHand(guest, second, 20052)];
  await mountByHand(guest, 20051, "/mnt/one");
  await mountByHand(guest, 20052, "/mnt/two");

  // One NFS client in the kernel for each: the two mounts were not merged into one connection.
  assert.equal(guest.mountAt("/mnt/one").options.get("port"), "20051");
  assert.equal(guest.mountAt("/mnt/two").options.get("port"), "20052");
  assert.deepEqual(
    kernelClients()
      .map(({ port }) => port)
      .sort(),
    [20051, 20052],
  );

  await guest.write("/mnt/one/name", "first");
  await guest.write("/mnt/two/name", "second");
  assert.equal(await guest.read(`${first.server.directory}/name`), "first");
  assert.equal(await guest.read(`${second.server.directory}/name`), "second");
  assert.equal(await guest.read("/mnt/one/name"), "first");
  assert.equal(await guest.read("/mnt/two/name"), "second");

  for (const path of ["/mnt/one", "/mnt/two"]) await guest.umount(path);
  for (const tunnel of tunnels) await tunnel.stop();
});
