import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { AUTOMOUNT } from "../machine.ts";
import { show } from "../systemd.ts";

export default scenario(
  async (guest) => {
    const { product } = guest;
    const state = async (unit: string) => (await show(guest, unit, "SubState")).SubState;
    const others = product.tunnelProcesses().map(({ pid }) => pid);
    for (const round of ["first", "second"]) {
      assert.equal(await state("mnt-auto.automount"), "waiting");
      const begin = performance.now();
      assert.equal(await guest.read(`${AUTOMOUNT}/name`), "fs-87654321/d01");
      guest.figure(`${round} access: ${((performance.now() - begin) / 1000).toFixed(2)} s`);
      const { pid } = product.stunnelOf(AUTOMOUNT);
      // Longer than the idle time-out: what is in use stays.
      await guest.shell(
        'exec 3> "$1"; for part in 1 2 3 4 5; do sleep 1; echo $part >&3; done',
        [`${AUTOMOUNT}/slow`],
        { timeoutMs: 60_000 },
      );
      assert.equal(product.stunnelOf(AUTOMOUNT).pid, pid);

      await guest.eventually(
        "it is unmounted again",
        () => guest.nfsMounts().every(({ path }) => path !== AUTOMOUNT),
        30_000,
      );
      const idle = performance.now();
      await guest.eventually(
        "its tunnel has ended",
        () => product.tunnelProcesses().length === others.length,
      );
      guest.figure(`${round}: the tunnel ended ${((performance.now() - idle) / 1000).toFixed(2)} s after it`);
      assert.equal(guest.processes((each) => each.pid === pid).length, 0);
      assert.equal(await guest.read(`${guest.endpoint.second.server.directory}/d01/slow`), "1\n2\n3\n4\n5\n");
    }
  },
  { limitMs: 120_000 },
);
