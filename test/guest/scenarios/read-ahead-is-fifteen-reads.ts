import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { mount, readAheadKib, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  mkdirSync("/mnt/plain", { recursive: true });
  await guest.ok("mount", ["-t", "nfs4", `${first.server.address}:/`, "/mnt/plain"]);
  const usual = readAheadKib("/mnt/plain");
  await guest.umount("/mnt/plain");
  assert.notEqual(usual, 15_360);

  const readAhead = async (options: string) => {
    await mount(guest, `${first.id}:/`, options);
    const kib = readAheadKib(MOUNT_POINT);
    guest.figure(`${options}: ${kib} KiB (without the helper ${usual} KiB)`);
    await unmount(guest);
    return kib;
  };
  const withoutTls = `mounttargetip=${first.server.address}`;
  assert.equal(await readAhead("tls"), 15_360);
  assert.equal(await readAhead(`${withoutTls},rsize=65536`), 960);
  product.configure({ optimize_readahead: "false" });
  assert.equal(await readAhead(withoutTls), usual);
});
