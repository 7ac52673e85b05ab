import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { EfsFileSystem } from "../endpoint/endpoint.ts";
import { frontInside, furtherFileSystems } from "../endpoint/further-servers.ts";
import type { Guest } from "../runner/guest.ts";
import { Load, showGaps } from "../runner/load.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const [STUCK, CUT, OTHER] = ["/mnt/stuck", "/mnt/cut", "/mnt/other"] as const;
/** A tunnel that is silent is asked again after ten seconds; ten more are enough for that. */
const ASKED_AGAIN_MS = 20_000;
const INSIDE = "10.99.2.3";

/**
 * One tunnel's stunnel is stopped, the network to another one's server is cut. The first is found by asking its
 * server through it, and replaced; the second is no fault of its tunnel's, which stays. Meanwhile everything
 * works for a third one.
 */
export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const { first, second } = endpoint;
    const further = await furtherFileSystems(guest, 1);
    const [other = first] = further.targets;
    await frontInside(guest, second, INSIDE);
    endpoint.resolve({
      [first.name]: first.front.address,
      [second.name]: INSIDE,
      [other.name]: other.front.address,
    });
    product.configure({
      stunnel_health_check_interval_min: "1",
      stunnel_health_check_command_timeout_sec: "1",
    });
    await product.startWatchdog();
    await product.mount(first, ["tls"], STUCK);
    await product.mount(second, ["tls", "noocsp"], CUT);
    const load = await Load.start(guest, { target: first, path: STUCK }, { target: second, path: CUT });
    const [stuck, cut] = [Tunnel.of(guest, STUCK), Tunnel.of(guest, CUT)];
    const [stopped, kept] = [stuck.pid("stunnel"), cut.pid("stunnel")];
    const gaps = new Map<string, number>();

    stuck.signal("SIGSTOP", "stunnel");
    await second.server.network("down");
    gaps.set("next to stuck mounts", await works(guest, other));
    const line = (text: string) => product.watchdogLog.includes(text);
    await guest.eventually(
      "the stopped stunnel is found",
      () => line(`stunnel ${stopped} answers nothing`),
      120_000,
    );
    await load.goesOn("through a new stunnel", 20_000, [0]);
    assert.notEqual(stuck.pid("stunnel"), stopped);
    await guest.eventually(
      "the unreachable server is told",
      () => line("its server cannot be reached"),
      120_000,
    );
    // A stopped one would have been asked again by then, and replaced.
    await sleep(ASKED_AGAIN_MS);
    assert.equal(cut.pid("stunnel"), kept);

    await second.server.network("up");
    await load.goesOn("when the network is back", 60_000);
    assert.equal(cut.pid("stunnel"), kept, "the stunnel of the server that could not be reached stays");
    await load.finish();
    for (const path of [STUCK, CUT]) await guest.umount(path);
    await product.gone();
    await further.remove();
    await showGaps(guest, gaps);
  },
  { limitMs: 300_000 },
);

/** Mounts, writes, has its tunnel killed, and unmounts; answers the writer's longest wait. */
async function works(guest: Guest, target: EfsFileSystem): Promise<number> {
  const begin = performance.now();
  await guest.product.mount(target, ["tls"], OTHER);
  const tunnel = Tunnel.of(guest, OTHER);
  const load = await Load.start(guest, { target, path: OTHER });
  await tunnel.lose("stunnel");
  await load.goesOn("next to stuck mounts");
  const gap = load.takeGap();
  await tunnel.lose("keeper", "stunnel");
  await load.goesOn("next to stuck mounts, when both were killed");
  await load.finish();
  await guest.umount(OTHER);
  await guest.eventually("its tunnel is gone", () => tunnel.running("keeper") === undefined);
  guest.figure(
    `mounted, killed twice and unmounted next to them: ${((performance.now() - begin) / 1000).toFixed(1)} s`,
  );
  return gap;
}
