import assert from "node:assert/strict";
import { anotherFront, ownAddress, relay } from "../endpoint/further-servers.ts";
import { leadsTo, mount, stunnelConfiguration, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const [IPV6, PLAIN_IPV6] = ["fd00::8", "fd00::9"];

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  for (const address of [IPV6, PLAIN_IPV6]) await ownAddress(guest, address);
  await anotherFront(guest, first, IPV6);
  await relay(guest, first, PLAIN_IPV6);
  endpoint.resolve({}); // The name is for the certificate only.

  for (const address of [first.front.address, IPV6]) {
    const done = await mount(guest, `${first.id}:/`, `tls,mounttargetip=${address}`);
    guest.figure(`over TLS to ${address}: ${done.seconds.toFixed(2)} s`);
    await leadsTo(guest, first.server.directory);
    const configuration = stunnelConfiguration(guest);
    assert.ok(configuration.includes(`\nconnect = ${address}:2049\n`));
    assert.ok(configuration.includes(`\ncheckHost = ${first.name}\n`));
    assert.equal(guest.mountAt(MOUNT_POINT).device, "127.0.0.1:/");
    await unmount(guest);
  }
  for (const [address, device] of [
    [first.server.address, `${first.server.address}:/`],
    [PLAIN_IPV6, `[${PLAIN_IPV6}]:/`],
  ] as const) {
    await mount(guest, `${first.id}:/`, `mounttargetip=${address}`);
    await leadsTo(guest, first.server.directory);
    const { device: shown, line } = guest.mountAt(MOUNT_POINT);
    guest.figure(line);
    assert.equal(shown, device);
    await mount(guest, `${first.id}:/`, `mounttargetip=${address}`); // It is there already.
    await unmount(guest);
  }
});
