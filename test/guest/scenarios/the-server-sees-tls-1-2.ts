import assert from "node:assert/strict";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product } = guest;
  const { front } = guest.endpoint.first;
  await product.startWatchdog();

  // The server would take TLS 1.3: it is the helper that asks for 1.2.
  const session = ["s_client", "-connect", `${front.address}:2049`, "-brief"];
  await guest.run("openssl", session, { timeoutMs: 10_000 });
  assert.deepEqual(front.tlsVersions, ["TLSv1.3"]);

  front.startLog();
  await product.mount(guest.endpoint.first);
  await guest.write("/mnt/efs/hello", "over TLS");
  guest.figure(`the server's log: ${front.tlsVersions.join(", ")}`);
  assert.deepEqual([...new Set(front.tlsVersions)], ["TLSv1.2"]);
  await guest.umount(MOUNT_POINT);
  await product.gone();
});
