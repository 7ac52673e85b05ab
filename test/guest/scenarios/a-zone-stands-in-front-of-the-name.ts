import assert from "node:assert/strict";
import { leadsTo, mount, stunnelConfiguration, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const zoned = `us-east-1a.${first.name}`;
  endpoint.resolve({ [zoned]: first.front.address });
  await mount(guest, `${first.id}:/`, "tls,az=us-east-1a");
  await leadsTo(guest, first.server.directory);
  const configuration = stunnelConfiguration(guest);
  assert.ok(configuration.includes(`\nconnect = ${zoned}:2049\n`));
  // The server's certificate is for one label in front of the region's part only.
  assert.ok(configuration.includes(`\ncheckHost = ${first.name}\n`));
  assert.ok(product.log.includes(`Successfully mounted ${zoned} at ${MOUNT_POINT}`));
  await unmount(guest);

  // By the name itself, and without TLS.
  endpoint.resolve({ [zoned]: first.server.address });
  await mount(guest, `${zoned}:/`, "");
  assert.equal(guest.mountAt(MOUNT_POINT).device, `${zoned}:/`);
  await leadsTo(guest, first.server.directory);
  await unmount(guest);
});
