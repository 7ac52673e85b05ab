import assert from "node:assert/strict";
import { createServer } from "node:net";
import { tryMount } from "../runner/mounting.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  const fake = async (options: string, device = `${first.id}:/`) => {
    const done = await tryMount(guest, device, options, { flags: ["-f"] });
    assert.deepEqual(product.traces(), []);
    return done;
  };
  assert.equal((await fake("tls")).status, 0);
  assert.match(product.log, /Checked fs-12345678\.efs\.us-east-1\.amazonaws\.com/);
  assert.doesNotMatch(product.log, /Successfully mounted/);
  assert.equal(first.front.connections, 0, "the server was not asked");

  // What would fail fails.
  const taken = createServer().listen(20_100, "127.0.0.1");
  guest.onEnd(() => taken.close());
  const inUse = await tryMount(guest, `${first.id}:/`, "tls,tlsport=20100", { flags: ["-f"] });
  assert.equal(inUse.status, 2);
  assert.match(inUse.stderr, /20100/);
  product.configure({ fall_back_to_mount_target_ip_address_enabled: "false" });
  taken.close();
  const unknown = await fake("tls", "fs-00000000:/");
  assert.equal(unknown.status, 32);
  assert.match(unknown.stderr, /fs-00000000\.efs\.us-east-1\.amazonaws\.com does not resolve/);
});
