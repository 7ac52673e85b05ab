import assert from "node:assert/strict";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  await product.startWatchdog();
  await product.mount(guest.endpoint.first);
  const { pid } = product.stunnelOf(MOUNT_POINT);
  guest.log(product.traces().join("\n"));
  assert.equal(product.stateFiles().length, 3, product.stateFiles().join());
  const begin = performance.now();
  await guest.umount(MOUNT_POINT);
  await product.gone();
  guest.figure(`tunnel and files gone ${((performance.now() - begin) / 1000).toFixed(1)} s after umount`);
  assert.deepEqual(
    guest.processes((each) => each.pid === pid),
    [],
  );
});
