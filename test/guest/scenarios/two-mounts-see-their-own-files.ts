import assert from "node:assert/strict";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { first, second } = guest.endpoint;
  await product.startWatchdog();
  // At once: both helpers choose a port at the same time.
  await Promise.all([product.mount(first, ["tls"], "/mnt/one"), product.mount(second, ["tls"], "/mnt/two")]);
  const ports = ["/mnt/one", "/mnt/two"].map((path) => Number(guest.mountAt(path).options.get("port")));
  assert.notEqual(ports[0], ports[1]);
  assert.deepEqual(product.ports().sort(), ports.sort());
  assert.equal(product.stunnels().length, 2);

  await guest.write("/mnt/one/name", "first");
  await guest.write("/mnt/two/name", "second");
  assert.equal(await guest.read(`${first.server.directory}/name`), "first");
  assert.equal(await guest.read(`${second.server.directory}/name`), "second");
  assert.equal(await guest.read("/mnt/one/name"), "first");
  assert.equal(await guest.read("/mnt/two/name"), "second");

  // The end of one is not the end of the other.
  await guest.umount("/mnt/one");
  await guest.eventually("one tunnel is left", () => product.stunnels().length === 1, 15_000);
  await guest.write("/mnt/two/name", "still here");
  assert.equal(await guest.read(`${second.server.directory}/name`), "still here");
  await guest.umount("/mnt/two");
  await product.gone();
});
