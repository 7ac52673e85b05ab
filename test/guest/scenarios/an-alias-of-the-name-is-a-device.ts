import assert from "node:assert/strict";
import { leadsTo, mount, tryMount, unmount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  // As a CNAME leads to its canonical name, so does an alias in /etc/hosts.
  endpoint.resolve({ [`${first.name} files.example.com`]: first.front.address, elsewhere: "127.0.9.9" });
  await mount(guest, "files.example.com:/", "tls");
  await leadsTo(guest, first.server.directory);
  assert.ok(product.log.includes(`Successfully mounted ${first.name} at /mnt/efs`));
  await unmount(guest);

  for (const [device, reason] of [
    ["elsewhere:/", /elsewhere/],
    ["nowhere.example.com:/", /nowhere\.example\.com.* does not resolve/],
  ] as const) {
    const done = await tryMount(guest, device, "tls");
    guest.figure(done.stderr.trim());
    assert.equal(done.status, 32);
    assert.match(done.stderr, reason);
    assert.deepEqual(product.traces(), []);
  }
});
