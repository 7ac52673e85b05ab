import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { THIRTY } from "../machine.ts";
import { timestamp } from "../systemd.ts";

export default scenario(
  async (guest) => {
    const { product } = guest;
    const failed = await guest.ok("systemctl", ["--failed", "--no-legend", "--plain"]);
    assert.equal(failed, "");
    const mounts = guest.nfsMounts().map(({ path }) => path);
    assert.deepEqual(mounts.sort(), THIRTY.map(({ path }) => path).sort());

    // Each sees its own directory of its own file system.
    for (const { fsId, directory, path } of THIRTY) {
      assert.equal(await guest.read(`${path}/name`), `${fsId}/${directory}`);
      await guest.write(`${path}/seen`, path);
    }
    for (const { fsId, directory, path } of THIRTY)
      assert.equal(await guest.read(`/srv/efs/${fsId}/${directory}/seen`), path);

    // Each has a tunnel of its own, on a port of its own.
    assert.equal(product.stunnels().length, THIRTY.length);
    assert.equal(new Set(product.ports()).size, THIRTY.length);
    assert.equal(product.stateFiles().length, 3 * THIRTY.length);

    const times = await Promise.all(
      THIRTY.map(async ({ path }) => {
        const unit = (await guest.ok("systemd-escape", ["--path", "--suffix=mount", path])).trim();
        const from = await timestamp(guest, unit, "InactiveExit");
        return { from, to: await timestamp(guest, unit, "ActiveEnter") };
      }),
    );
    const [first, last] = [
      Math.min(...times.map(({ from }) => from)),
      Math.max(...times.map(({ to }) => to)),
    ];
    guest.figure(
      `the first of ${THIRTY.length} mounts began after ${first.toFixed(1)} s, the last was done after ${last.toFixed(1)} s`,
    );
  },
  { limitMs: 240_000 },
);
