/** A mount that has to be refused: by name, which a time limit does not do, and without a trace. */
import assert from "node:assert/strict";
import type { Guest } from "./guest.ts";

export async function refused(
  guest: Guest,
  options: string[],
  reasons: RegExp[],
  status = 32,
): Promise<void> {
  const { product, endpoint } = guest;
  const done = await product.tryMount(`${endpoint.first.id}:/`, options);
  guest.figure(`${options.join(",")}: refused in ${done.seconds.toFixed(2)} s: ${done.stderr.trim()}`);
  assert.equal(done.status, status, "the exit status");
  for (const reason of reasons) assert.match(done.stderr, reason);
  assert.doesNotMatch(done.stderr, /^\s+at /m, "a stack on the terminal");
  // At once: nothing that the watchdog would have to clear away.
  assert.deepEqual(product.traces(), []);
  assert.match(product.log, /ERROR/);
}

export async function accepted(guest: Guest, options: string[]): Promise<void> {
  const { product, endpoint } = guest;
  const done = await product.mount(endpoint.first, options);
  guest.figure(`${options.join(",")}: mounted in ${done.seconds.toFixed(2)} s`);
  await guest.write("/mnt/efs/hello", options.join());
  assert.equal(await guest.read(`${endpoint.first.server.directory}/hello`), options.join());
  await guest.umount("/mnt/efs");
  await product.gone();
}
