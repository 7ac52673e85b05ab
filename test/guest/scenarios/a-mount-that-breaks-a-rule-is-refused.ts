import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { awsApis } from "../endpoint/aws-apis.ts";
import { leadsTo, mount, tryMount, unmount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

const MEMORY = "/run/amazon-efs-mount-helper/at-rest";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  guest.onEnd(() => rmSync(MEMORY, { recursive: true, force: true }));
  const { environment, efs, account } = await awsApis(guest);
  account.add(
    "us-east-1",
    { FileSystemId: first.id, Encrypted: true },
    { FileSystemId: second.id, Encrypted: false },
  );
  const refused = async (device: string, options: string, reason: RegExp) => {
    const done = await tryMount(guest, device, options, { environment });
    guest.figure(`refused in ${done.seconds.toFixed(2)} s: ${done.stderr.trim()}`);
    assert.equal(done.status, 1);
    assert.match(done.stderr, reason);
    assert.match(product.log, reason);
    assert.deepEqual(product.traces(), []);
  };

  product.configure({ require_tls: "true", require_encryption_at_rest: "true" });
  await product.startWatchdog();
  await refused(`${first.id}:/`, "", /require_tls is set in efs-utils\.conf; add tls/);
  await refused(`${second.id}:/`, "tls", /is not encrypted at rest, and require_encryption_at_rest is set/);

  // Once the API has said yes, nobody is asked any more.
  const asked = await mount(guest, `${first.id}:/`, "tls", { environment });
  await leadsTo(guest, first.server.directory);
  await unmount(guest);
  const calls = efs.calls.length;
  const remembered = await mount(guest, `${first.id}:/`, "tls");
  await leadsTo(guest, first.server.directory);
  await unmount(guest);
  assert.equal(efs.calls.length, calls);
  guest.figure(`mounted in ${asked.seconds.toFixed(2)} s, then in ${remembered.seconds.toFixed(2)} s`);
});
