import { mkdirSync, renameSync } from "node:fs";
import type { Guest } from "../runner/guest.ts";
import { Load } from "../runner/load.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const PATHS = {
  made: "/mnt/parent/efs",
  renamed: "/mnt/renamed/efs",
  moved: "/mnt/moved",
  bound: "/mnt/bound",
  directory: "/mnt/directory",
};

/**
 * A mount is not where it was recorded, and in the end in no table that the watchdog sees: it needs its tunnel
 * all the same, also one that has to be made anew.
 */
export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { made, renamed, moved, bound, directory } = PATHS;
  await product.startWatchdog();
  await product.mount(endpoint.first, ["tls"], made);
  const tunnel = Tunnel.of(guest, made);
  mkdirSync(moved);
  mkdirSync(bound);
  mkdirSync(directory);

  renameSync("/mnt/parent", "/mnt/renamed");
  await survives(guest, tunnel, renamed, "its directory was renamed");

  await guest.ok("mount", ["--move", renamed, moved]);
  await survives(guest, tunnel, moved, "it was moved");

  await guest.ok("mount", ["--bind", moved, bound]);
  await guest.umount(moved);
  await survives(guest, tunnel, bound, "a bind mount is what is left of it");

  await guest.ok("mkdir", [`${bound}/sub`]);
  await guest.ok("mount", ["--bind", `${bound}/sub`, directory]);
  await guest.umount(bound);
  await survives(guest, tunnel, directory, "one of its directories is bound", "/sub");

  const elsewhere = guest.service("unshare", ["--mount", "--propagation", "private", "sleep", "600"]);
  const inside = await guest.eventually("the other mount namespace is there", () =>
    guest.processes(({ pid, name }) => pid === elsewhere.pid && name === "sleep").at(0),
  );
  await guest.umount(directory);
  await survives(guest, tunnel, `/proc/${inside.pid}/root${directory}`, "another namespace has it", "/sub");

  const begin = performance.now();
  await elsewhere.stop();
  await product.gone();
  const seconds = (performance.now() - begin) / 1000;
  guest.figure(`tunnel gone ${seconds.toFixed(1)} s after the last namespace that had the mount`);
});

/** Its keeper and stunnel are killed while it is written to. `within`: what of the file system is mounted there. */
async function survives(
  guest: Guest,
  tunnel: Tunnel,
  path: string,
  when: string,
  within = "",
): Promise<void> {
  const load = await Load.start(guest, { target: guest.endpoint.first, path, within });
  await tunnel.lose("keeper", "stunnel");
  await load.goesOn(`when ${when}`);
  await load.finish();
}
