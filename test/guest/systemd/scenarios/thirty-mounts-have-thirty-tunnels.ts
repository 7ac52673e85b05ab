import assert from "node:assert/strict";
import { scenario } from "../../runner/scenario.ts";
import { THIRTY, unitOf } from "../machine.ts";

export default scenario(
  async (guest) => {
    const { product } = guest;
    // Those that did not get through the rush of the boot.
    const units = THIRTY.map(({ path }) => unitOf(path));
    await guest.ok("systemctl", ["start", ...units], { timeoutMs: 200_000 });
    assert.deepEqual(
      guest
        .nfsMounts()
        .map(({ path }) => path)
        .sort(),
      THIRTY.map(({ path }) => path).sort(),
    );

    // Each sees its own directory of its own file system.
    const paths = THIRTY.map(({ path }) => path);
    const names = await guest.shell('for path; do cat "$path/name"; echo; done', paths, {
      timeoutMs: 60_000,
    });
    assert.deepEqual(
      names.trim().split("\n"),
      THIRTY.map(({ fsId, directory }) => `${fsId}/${directory}`),
    );
    await guest.shell('for path; do echo "$path" > "$path/seen"; done', paths, { timeoutMs: 60_000 });
    const served = THIRTY.map(({ fsId, directory }) => `/srv/efs/${fsId}/${directory}/seen`);
    assert.deepEqual((await guest.ok("cat", served)).trim().split("\n"), paths);

    // Each has a tunnel of its own, on a port of its own.
    assert.equal(product.stunnels().length, THIRTY.length);
    assert.equal(new Set(product.ports()).size, THIRTY.length);
    assert.equal(product.stateFiles().length, 3 * THIRTY.length);
  },
  { limitMs: 300_000 },
);
