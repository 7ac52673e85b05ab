import assert from "node:assert/strict";
import { awsApis } from "../endpoint/aws-apis.ts";
import { tryMount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  endpoint.resolve({});
  product.configure({ fall_back_to_mount_target_ip_address_enabled: "false" });
  const { environment, efs, targets } = await awsApis(guest);
  targets.set(first.id, [{ zone: "us-east-1a", zoneId: "use1-az1", address: first.front.address }]);

  for (const options of ["tls", ""]) {
    const done = await tryMount(guest, `${first.id}:/`, options, { environment });
    guest.figure(`${options || "without TLS"}: ${done.seconds.toFixed(2)} s: ${done.stderr.trim()}`);
    assert.equal(done.status, 32);
    assert.ok(done.stderr.includes(`${first.name} does not resolve`), "the name is named");
    assert.match(done.stderr, /mounttargetip/);
    assert.deepEqual(product.traces(), []);
  }
  assert.equal(efs.calls.length, 0);
});
