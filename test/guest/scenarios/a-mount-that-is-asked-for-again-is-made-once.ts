import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { leadsTo, tryMount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const NFS = "/sbin/mount.nfs4";
const BEGUN = "/run/mount-begun";
const GO = "/run/mount-go";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  await product.startWatchdog();
  const waiting = () =>
    product.log.split(` - INFO - Waiting for ${MOUNT_POINT}: another mount.efs,`).length - 1;
  const only = () => guest.mountTable().filter(({ path }) => path === MOUNT_POINT).length;

  for (const [options, tunnels] of [
    ["tls", 1],
    ["", 0],
  ] as const) {
    if (options === "")
      endpoint.resolve({ [first.name]: first.server.address, [second.name]: second.server.address });
    const what = `with ${options === "" ? "no options" : options}`;
    const again = () => tryMount(guest, `${first.id}:/`, options);

    // The first one takes long, and whoever asked for it asks again, like kubelet; so does somebody else.
    const restore = guest.replaceProgram(
      NFS,
      `#!/bin/sh\ntouch ${BEGUN}\nwhile [ ! -e ${GO} ]; do sleep 0.1; done\nexec ${NFS}.aside "$@"\n`,
    );
    const before = waiting();
    const mounting = [again()];
    await guest.eventually("the first runs mount.nfs4", () => readdirSync("/run").includes("mount-begun"));
    mounting.push(again(), again(), again());
    const other = tryMount(guest, `${second.id}:/`, options);
    await guest.eventually("all others wait", () => waiting() === before + 4);
    writeFileSync(GO, "");
    for (const { status, stderr } of await Promise.all(mounting)) assert.equal(status, 0, stderr);
    const { status, stderr } = await other;
    // Whoever comes first is there; the others are told.
    assert.equal(status, 32, what);
    assert.ok(stderr.includes(`${MOUNT_POINT} has ${first[options === "tls" ? "id" : "name"]}`), stderr);
    assert.equal(only(), 1, what);
    assert.equal(product.stunnels().length, tunnels, what);
    await leadsTo(guest, first.server.directory);
    restore();
    await guest.ok("rm", [BEGUN, GO]);
    await unmount(guest);

    // All at once.
    const done = await Promise.all(Array.from({ length: 5 }, again));
    for (const { status, stderr } of done) assert.equal(status, 0, stderr);
    assert.equal(only(), 1, what);
    assert.equal(product.stunnels().length, tunnels, what);
    assert.deepEqual(readdirSync("/run/amazon-efs-mount-helper/turns"), [], what);
    await unmount(guest);
  }
});
