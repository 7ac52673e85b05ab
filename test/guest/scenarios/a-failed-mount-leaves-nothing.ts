import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { scenario } from "../runner/scenario.ts";

/** Fails in the way that is worth another try. */
const RESET_BY_PEER = `#!/bin/sh
echo run >> /run/nfs-runs
echo "mount.nfs4: Connection reset by peer" >&2
exit 32
`;

export default scenario(async (guest) => {
  const { product } = guest;
  await product.startWatchdog();

  // The real mount.nfs4 and a directory that the file system does not have.
  const missing = await product.tryMount("fs-12345678:/no/such/directory", ["tls"]);
  assert.equal(missing.status, 32);
  assert.match(missing.stderr, /No such file or directory/);
  assert.deepEqual(product.traces(), []);

  guest.replaceProgram("/sbin/mount.nfs4", RESET_BY_PEER);
  guest.onEnd(() => rmSync("/run/nfs-runs", { force: true }));
  const reset = await product.tryMount("fs-12345678:/", ["tls"]);
  assert.equal(reset.status, 32);
  assert.match(reset.stderr, /Connection reset by peer/);
  assert.deepEqual(product.traces(), []);
  assert.equal(await guest.read("/run/nfs-runs"), "run\nrun\nrun\n");
});
