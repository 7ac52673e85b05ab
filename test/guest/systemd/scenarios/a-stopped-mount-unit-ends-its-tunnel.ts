import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { isActive, MOUNT_UNIT } from "../systemd.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  for (const round of ["first", "second"]) {
    const { pid } = product.stunnelOf(MOUNT_POINT);
    await guest.ok("systemctl", ["stop", MOUNT_UNIT], { timeoutMs: 60_000 });
    const begin = performance.now();
    assert.equal(guest.nfsMounts().length, 0);
    await product.gone();
    const seconds = (performance.now() - begin) / 1000;
    guest.figure(`${round}: the tunnel and its files were gone ${seconds.toFixed(2)} s after systemctl stop`);
    // A second, and room for a machine that others use.
    assert.ok(seconds < 3, `${seconds} s`);
    assert.equal(guest.processes((each) => each.pid === pid).length, 0);

    await guest.ok("systemctl", ["start", MOUNT_UNIT], { timeoutMs: 60_000 });
    assert.ok(await isActive(guest, MOUNT_UNIT));
    await guest.write(`${MOUNT_POINT}/hello`, round);
  }
});
