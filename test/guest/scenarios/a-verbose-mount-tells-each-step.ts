import assert from "node:assert/strict";
import { mount, portOf, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const { stderr } = await mount(guest, `${first.id}:/`, "tls", { flags: ["-v"] });
  const steps = stderr.trimEnd().split("\n");
  for (const step of steps) guest.figure(step);
  const times = steps.map((step) => Number(/^mount\.efs: +(\d+) ms \(\+\d+\) +\S/.exec(step)?.[1]));
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
    "each has its time, one after the other",
  );
  const [port, { pid }] = [portOf(guest), product.stunnelOf(MOUNT_POINT)];
  for (const told of [
    "the region is us-east-1, by ",
    `${first.name} in us-east-1 resolves to ${first.front.address}`,
    `127.0.0.1:${port}, stunnel ${pid}`,
    `TLS: ${first.name} (${first.front.address}) is who it should be`,
    `mount.nfs4 127.0.0.1:/ ${MOUNT_POINT} -o `,
    `${first.name}:/ is mounted at ${MOUNT_POINT}`,
  ])
    assert.ok(stderr.includes(told), told);
  await unmount(guest);
});
