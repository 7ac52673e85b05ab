import assert from "node:assert/strict";
import { awsApis } from "../endpoint/aws-apis.ts";
import { tryMount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  endpoint.resolve({});
  await first.front.present("wrong-host");
  const { environment, efs, targets } = await awsApis(guest);
  targets.set(first.id, [{ zone: "us-east-1a", zoneId: "use1-az1", address: first.front.address }]);

  const done = await tryMount(guest, `${first.id}:/`, "tls", { environment });
  guest.figure(`refused in ${done.seconds.toFixed(2)} s: ${done.stderr.trim()}`);
  assert.equal(efs.calls.length, 1);
  assert.equal(done.status, 32);
  assert.match(done.stderr, /certificate/);
  assert.ok(done.stderr.includes(first.name), "the name is named");
  assert.deepEqual(product.traces(), []);
});
