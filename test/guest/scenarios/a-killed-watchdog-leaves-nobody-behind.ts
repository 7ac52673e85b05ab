import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { Service } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import { Load, showGaps } from "../runner/load.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

/** What can be seen from outside of a watchdog that brings a tunnel back whose processes `lost` were killed. */
const RESTORING: [string, (tunnel: Tunnel, lost: Pids) => boolean][] = [
  ["nothing was done yet", () => true],
  ["the new keeper is there", (tunnel, { keeper }) => tunnel.hasAnother("keeper", keeper)],
  ["the new stunnel is there", (tunnel, { stunnel }) => tunnel.hasAnother("stunnel", stunnel)],
  ["the new stunnel listens", (tunnel, { stunnel }) => ![stunnel, undefined].includes(listenerOf(tunnel))],
  ["the state file names it", (tunnel, { stunnel }) => stateOf(tunnel).pid !== stunnel],
];

/** And of one that ends a tunnel whose file system was unmounted. */
const ENDING: [string, (tunnel: Tunnel) => boolean][] = [
  ["nothing was done yet", () => true],
  ["the directory is deleted", ({ directory }) => !existsSync(directory)],
  ["the keeper has ended", (tunnel) => tunnel.running("keeper") === undefined],
];

interface Pids {
  keeper: number;
  stunnel: number;
}

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    let watchdog = await product.startWatchdog();
    await product.mount(endpoint.first);
    const load = await Load.start(guest, { target: endpoint.first, path: MOUNT_POINT });
    const gaps = new Map<string, number>();
    const restart = async (when: string) => {
      watchdog = await product.startWatchdog();
      await load.goesOn(`with a new watchdog; its predecessor was killed ${when}`);
      gaps.set(when, load.takeGap());
    };
    const tunnel = Tunnel.of(guest);

    const { keeper } = pidsOf(tunnel);
    await kill(guest, watchdog, "at rest", () => true);
    await tunnel.lose("stunnel");
    await load.goesOn("without a watchdog");
    await restart("at rest");
    assert.equal(tunnel.pid("keeper"), keeper, "the keeper is the one that was there");

    for (const [step, seen] of RESTORING) {
      const lost = pidsOf(tunnel);
      tunnel.signal("SIGKILL", "keeper", "stunnel");
      await kill(guest, watchdog, `when ${step}`, () => seen(tunnel, lost));
      await restart(`when ${step}`);
      assert.ok(tunnel.isComplete(), step);
    }
    await load.finish();

    for (const [step, seen] of ENDING) {
      const ending = Tunnel.of(guest);
      await guest.umount(MOUNT_POINT);
      await kill(guest, watchdog, `after the unmount, when ${step}`, () => seen(ending));
      watchdog = await product.startWatchdog();
      await product.gone();
      await product.mount(endpoint.first);
    }
    await guest.umount(MOUNT_POINT);
    await product.gone();
    await showGaps(guest, gaps);
  },
  { limitMs: 180_000 },
);

/** Kills a watchdog at a moment of its work. */
async function kill(guest: Guest, watchdog: Service, when: string, now: () => boolean): Promise<void> {
  const begin = performance.now();
  while (!now()) {
    if (performance.now() - begin > 20_000) throw new Error(`the watchdog was to be killed ${when}`);
    await turn();
  }
  await watchdog.stop("SIGKILL");
  guest.log(`the watchdog was killed ${when}; there are ${guest.product.traces().join(", ")}`);
}

function pidsOf(tunnel: Tunnel): Pids {
  return { keeper: tunnel.pid("keeper"), stunnel: tunnel.pid("stunnel") };
}

/** The stunnel that says in its pid file that it listens. */
function listenerOf({ directory }: Tunnel): number | undefined {
  const path = `${directory}/stunnel.pid`;
  return existsSync(path) ? Number(readFileSync(path, "utf8")) || undefined : undefined;
}

function stateOf({ stateFile }: Tunnel): { pid?: number } {
  return JSON.parse(readFileSync(stateFile, "utf8"));
}
