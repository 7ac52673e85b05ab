import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { furtherFileSystems } from "../endpoint/further-servers.ts";
import type { Guest } from "../runner/guest.ts";
import { Load, type Place, showGaps } from "../runner/load.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const COUNT = 20;
/** So many helpers at a time: each of them takes 60 MiB of the guest's memory. */
const HELPERS = 4;

/** What goes wrong with a tunnel; it has to have another stunnel then. */
const FAULTS: ((tunnel: Tunnel) => void)[] = [
  (tunnel) => tunnel.signal("SIGKILL", "stunnel"),
  (tunnel) => tunnel.signal("SIGTERM", "stunnel"),
  (tunnel) => tunnel.signal("SIGKILL", "keeper", "stunnel"),
  (tunnel) => tunnel.signal("SIGKILL", "stunnel", "keeper"),
  (tunnel) => {
    rmSync(tunnel.configuration);
    tunnel.signal("SIGKILL", "stunnel");
  },
  (tunnel) => {
    rmSync(`${tunnel.directory}/certificate.pem`);
    tunnel.signal("SIGKILL", "stunnel");
  },
  (tunnel) => {
    rmSync(tunnel.stateFile);
    tunnel.signal("SIGKILL", "stunnel");
  },
];

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const begin = performance.now();
    const further = await furtherFileSystems(guest, COUNT - 2);
    const served = performance.now();
    let watchdog = await product.startWatchdog();
    const places = [endpoint.first, endpoint.second, ...further.targets].map(
      (target): Place => ({ target, path: `/mnt/${target.id}` }),
    );
    for (let at = 0; at < places.length; at += HELPERS)
      await Promise.all(
        places.slice(at, at + HELPERS).map(({ target, path }) => product.mount(target, ["tls"], path)),
      );
    const tunnels = places.map(({ path }) => Tunnel.of(guest, path));
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(0);
    guest.figure(
      `${COUNT} servers in ${seconds(begin, served)} s, mounts in ${seconds(served, performance.now())} s`,
    );
    assert.equal(new Set(tunnels.map(({ port }) => port)).size, COUNT);
    const load = await Load.start(guest, ...places);
    const gaps = new Map<string, number>();

    const strikes: [string, () => unknown][] = [
      ["all stunnels are killed", () => tunnels.map((tunnel) => tunnel.signal("SIGKILL", "stunnel"))],
      [
        "keepers and stunnels are killed",
        () => tunnels.map((tunnel) => tunnel.signal("SIGKILL", "keeper", "stunnel")),
      ],
      [
        "each has a fault of its own",
        () => tunnels.map((tunnel, at) => FAULTS[at % FAULTS.length]?.(tunnel)),
      ],
      [
        "the watchdog is killed with them",
        async () => {
          for (const tunnel of tunnels) tunnel.signal("SIGKILL", "keeper", "stunnel");
          await watchdog.stop("SIGKILL");
          watchdog = await product.startWatchdog();
        },
      ],
    ];
    for (const [name, strike] of strikes) {
      const lost = tunnels.map((tunnel) => tunnel.pid("stunnel"));
      await strike();
      await load.goesOn(`after ${name}`, 60_000);
      gaps.set(name, load.takeGap());
      await guest.eventually(`all have keepers and other stunnels after ${name}`, () => {
        const among = guest.processes();
        return tunnels.every(
          (tunnel, at) => tunnel.isComplete(among) && tunnel.running("stunnel", among)?.pid !== lost[at],
        );
      });
    }
    await load.finish();
    await unmountAll(guest, places);
    await further.remove();
    await showGaps(guest, gaps);
  },
  { limitMs: 600_000 },
);

async function unmountAll(guest: Guest, places: Place[]): Promise<void> {
  await guest.ok(
    "umount",
    places.map(({ path }) => path),
    { timeoutMs: 60_000 },
  );
  const begin = performance.now();
  await guest.product.gone(60_000);
  guest.figure(
    `tunnels and files gone ${((performance.now() - begin) / 1000).toFixed(1)} s after the last umount`,
  );
}
