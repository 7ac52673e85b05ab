import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { THIRTY, unitOf } from "../machine.ts";

export default scenario(
  async (guest) => {
    const { product } = guest;
    // One by one, where they did not all get through the rush of the boot.
    for (const { path } of THIRTY)
      await guest.ok("systemctl", ["start", unitOf(path)], { timeoutMs: 100_000 });
    assert.deepEqual(
      guest
        .nfsMounts()
        .map(({ path }) => path)
        .sort(),
      THIRTY.map(({ path }) => path).sort(),
    );

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
  },
  { limitMs: 240_000 },
);
