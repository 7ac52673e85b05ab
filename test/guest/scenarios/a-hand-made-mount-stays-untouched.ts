import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { mountByHand, tunnelByHand } from "../runner/by-hand.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { first, second } = guest.endpoint;
  product.configure({ poll_interval_sec: "1" });
  await product.startWatchdog();
  // On a port of the helper's own range.
  const byHand = await tunnelByHand(guest, second, 20100);
  await mountByHand(guest, byHand.port, "/mnt/by-hand");
  const line = guest.mountAt("/mnt/by-hand").line;

  const untouched = async (when: string) => {
    assert.equal(guest.mountAt("/mnt/by-hand").line, line, when);
    assert.equal(guest.processes(({ pid }) => pid === byHand.pid).length, 1, when);
    await guest.write("/mnt/by-hand/when", when);
    assert.equal(await guest.read(`${second.server.directory}/when`), when);
  };
  await product.mount(first);
  await untouched("after our mount");
  process.kill(product.stunnelOf(MOUNT_POINT).pid, "SIGKILL");
  await sleep(1_000);
  await untouched("after our tunnel was killed");
  await guest.umount(MOUNT_POINT);
  await guest.eventually("our tunnel is gone", () => product.tunnelProcesses().length === 0, 15_000);
  await sleep(5_000);
  await untouched("after several rounds of the watchdog");
  assert.deepEqual(product.ports(), [20100]);

  await guest.umount("/mnt/by-hand");
  await byHand.stop();
});
