import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { frontInside } from "../endpoint/further-servers.ts";
import type { Guest } from "../runner/guest.ts";
import { type Snapshot, snapshot, sweep } from "../runner/leaks.ts";
import { Load, showGaps } from "../runner/load.ts";
import { kernelClients } from "../runner/proc.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const INSIDE = "10.99.1.3";
const DOWN_MS = 3_000;

/**
 * Connections break or are silent, and the NFS server has to be told again what is open. The network is cut while
 * servers are away: one that refuses connections makes the kernel connect again without a pause.
 */
export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first } = endpoint;
    const before = snapshot();
    const front = await frontInside(guest, first, INSIDE);
    endpoint.resolve({ [first.name]: INSIDE });
    await product.startWatchdog();
    await product.mount(first);
    const tunnel = Tunnel.of(guest);
    const pids = [tunnel.pid("keeper"), tunnel.pid("stunnel")];
    const load = await Load.start(guest, { target: first, path: MOUNT_POINT });
    const gaps = new Map<string, number>();

    const outages: [string, () => Promise<unknown>][] = [
      ["the network is cut", () => sleep(DOWN_MS)],
      [
        "the servers are restarted",
        async () => {
          await front.stop();
          await first.server.restart(DOWN_MS);
          await front.start();
        },
      ],
    ];
    for (const [name, outage] of outages) {
      await first.server.network("down");
      await outage();
      await first.server.network("up");
      await load.goesOn(`after ${name}`, 60_000);
      gaps.set(name, load.takeGap());
      assert.deepEqual([tunnel.pid("keeper"), tunnel.pid("stunnel")], pids, name);
    }
    await load.finish();
    await guest.umount(MOUNT_POINT);
    await goodbye(guest, tunnel, before);
    await showGaps(guest, gaps);
  },
  { limitMs: 180_000 },
);

/**
 * Linux 6.1 often keeps its client for ever after the umount where an outage went before. Its tunnel stays with it,
 * since the kernel may use both for the next mount of the file system, until it is taken away here.
 */
async function goodbye(guest: Guest, tunnel: Tunnel, before: Snapshot): Promise<void> {
  const isGone = () => kernelClients().length === 0;
  try {
    await guest.eventually("the kernel's client is gone", isGone, 5_000);
  } catch {
    assert.ok(tunnel.isComplete(), "the kernel has its client, and the tunnel is gone");
    await sweep(before, [guest.endpoint.first.server.address]);
  }
  await guest.product.gone();
}
