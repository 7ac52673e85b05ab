import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Load, showGaps } from "../runner/load.ts";
import { MOUNT_POINT, STATE } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const FILLER = join(STATE, "filler");

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  mkdirSync(STATE);
  await guest.ok("mount", ["-t", "tmpfs", "-o", "size=256k,mode=750", "tmpfs", STATE]);
  const watchdog = await product.startWatchdog();
  await product.mount(first);
  const tunnel = Tunnel.of(guest);
  const load = await Load.start(guest, { target: first, path: MOUNT_POINT });
  const gaps = new Map<string, number>();

  await guest.shell(`! cat /dev/zero > ${FILLER}`);
  await tunnel.lose("stunnel");
  await load.goesOn("although the disk was full when stunnel was killed");
  gaps.set("stunnel is killed", load.takeGap());
  await tunnel.lose("keeper", "stunnel");
  await load.goesOn("although the disk was full when both were killed");
  gaps.set("keeper and stunnel are killed", load.takeGap());

  const before = product.stateFiles();
  const refused = await product.tryMount(`${second.id}:/`, ["tls"], "/mnt/second");
  assert.equal(refused.status, 2, refused.stderr);
  assert.match(refused.stderr, /no space left on device/i);
  assert.deepEqual(product.stateFiles(), before, "the mount that was refused leaves nothing");
  assert.equal(product.stunnels().length, 1);

  rmSync(FILLER);
  await guest.eventually(
    "the state file follows",
    () => {
      const { pid } = JSON.parse(readFileSync(tunnel.stateFile, "utf8"));
      return pid === tunnel.pid("stunnel");
    },
    60_000,
  );
  await load.finish();
  await guest.umount(MOUNT_POINT);
  await product.gone();
  await watchdog.stop();
  await guest.umount(STATE);
  await showGaps(guest, gaps);
});
