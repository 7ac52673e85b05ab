import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { foreignMount, foreignTunnel } from "../runner/foreign-helper.ts";
import { Load, showGaps } from "../runner/load.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const PLACES = ["/mnt/recent", "/mnt/older"] as const;
/** What state files did not have once. */
const WITHOUT = ["mount_time", "mountpoint", "pid", "service_type"];

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  const [recent, older] = PLACES;
  const pids = [
    await foreignMount(guest, { target: first, path: recent, port: 20150 }),
    await foreignMount(guest, { target: second, path: older, port: 20151, without: WITHOUT }),
  ];
  const orphan = await foreignTunnel(guest, { target: first, path: "/mnt/gone", port: 20152 });
  const tunnels = [new Tunnel(guest, 20150), new Tunnel(guest, 20151)];
  const places = [
    { target: first, path: recent },
    { target: second, path: older },
  ];
  const load = await Load.start(guest, ...places);

  await product.startWatchdog();
  assert.match(product.watchdogLog, /Watching \S+: 3 tunnels, 3 of them running/);
  await guest.eventually("the tunnel without a mount is ended", () => !existsSync(`/proc/${orphan}`));
  await load.goesOn("under our watchdog");
  assert.deepEqual(
    tunnels.map((tunnel) => tunnel.pid("stunnel")),
    pids,
    "healthy tunnels are not touched",
  );
  const adoption = load.takeGap();

  for (const tunnel of tunnels) await tunnel.lose("stunnel");
  await load.goesOn("after theirs were killed");
  const gaps = new Map([
    ["while they are adopted", adoption],
    ["whose stunnel is killed", load.takeGap()],
  ]);
  for (const tunnel of tunnels) {
    await guest.eventually("the state file names the new stunnel", () => {
      const state = JSON.parse(readFileSync(tunnel.stateFile, "utf8"));
      return state.pid === tunnel.pid("stunnel") && state.useIam === false;
    });
    await tunnel.lose("stunnel");
  }
  await load.goesOn("after ours were killed");
  gaps.set("once more, on the socket that the watchdog has made", load.takeGap());
  await load.finish();
  for (const path of PLACES) await guest.umount(path);
  const begin = performance.now();
  await product.gone();
  guest.figure(`tunnels and files gone ${((performance.now() - begin) / 1000).toFixed(1)} s after umount`);
  await showGaps(guest, gaps);
});
