import assert from "node:assert/strict";
import { awsApis } from "../endpoint/aws-apis.ts";
import { leadsTo, mount, stunnelConfiguration, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const NOBODY = "127.0.9.9";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  await product.startWatchdog();
  endpoint.resolve({});
  const { environment, efs, ec2, targets } = await awsApis(guest);

  // Of two mount targets, the one in this machine's zone; EC2 need not be asked.
  targets.set(first.id, [
    { zone: "us-east-1b", zoneId: "use1-az2", address: NOBODY },
    { zone: "us-east-1a", zoneId: "use1-az1", address: first.front.address },
  ]);
  const byZone = await mount(guest, `${first.id}:/`, "tls", { environment });
  guest.figure(`mounted by the mount target's address in ${byZone.seconds.toFixed(2)} s`);
  await leadsTo(guest, first.server.directory);
  const configuration = stunnelConfiguration(guest);
  assert.match(configuration, new RegExp(`^connect = ${first.front.address}:2049$`, "m"));
  assert.match(configuration, new RegExp(`^checkHost = ${first.name}$`, "m"));
  assert.deepEqual([efs.calls.length, ec2.calls.length], [1, 0]);
  await unmount(guest);

  // The zone by name, where the mount targets' are known by id only. The certificate is for the name without it.
  targets.set(first.id, [
    { zoneId: "use1-az2", address: NOBODY },
    { zoneId: "use1-az4", address: first.front.address },
  ]);
  const asked = await mount(guest, `${first.id}:/`, "tls,az=us-east-1d", { environment });
  guest.figure(`with the zone's id from EC2 in ${asked.seconds.toFixed(2)} s`);
  await leadsTo(guest, first.server.directory);
  assert.match(stunnelConfiguration(guest), new RegExp(`^checkHost = ${first.name}$`, "m"));
  assert.deepEqual([efs.calls.length, ec2.calls.length], [2, 1]);
  await unmount(guest);

  // Without TLS, the NFS client gets the address.
  targets.set(second.id, [{ zone: "us-east-1a", zoneId: "use1-az1", address: second.server.address }]);
  await mount(guest, `${second.id}:/`, "", { environment });
  assert.equal(guest.mountAt(MOUNT_POINT).device, `${second.server.address}:/`);
  await leadsTo(guest, second.server.directory);
  await unmount(guest);
});
