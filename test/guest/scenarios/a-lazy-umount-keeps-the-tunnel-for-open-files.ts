import assert from "node:assert/strict";
import { Load } from "../runner/load.ts";
import { kernelClients } from "../runner/proc.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  product.configure({ poll_interval_sec: "1" });
  await product.startWatchdog();
  await product.mount(endpoint.first);
  const load = await Load.start(guest, { target: endpoint.first, path: MOUNT_POINT });
  const tunnel = Tunnel.of(guest);
  const { pid } = tunnel.running("stunnel") ?? {};

  await guest.ok("umount", ["--lazy", MOUNT_POINT]);
  assert.deepEqual(guest.nfsMounts(), []);
  // For several rounds of the watchdog.
  const rounds = performance.now() + 4_000;
  while (performance.now() < rounds) await load.goesOn("after the lazy umount");
  assert.equal(tunnel.running("stunnel")?.pid, pid, "the stunnel that ran before the umount");

  await tunnel.lose("stunnel");
  await load.goesOn("after stunnel was killed");
  await tunnel.lose("keeper", "stunnel");
  await load.goesOn("after keeper and stunnel were killed");
  guest.log(`kernel's clients: ${JSON.stringify(kernelClients())}`);

  const finished = load.finish({ unmounted: true });
  await product.gone();
  const gone = performance.now();
  const seconds = (gone - (await finished)) / 1000;
  guest.figure(`tunnel and files gone ${seconds.toFixed(1)} s after the last file was closed`);
});
