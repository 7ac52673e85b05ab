import assert from "node:assert/strict";
import { mountByHand, tunnelByHand } from "../runner/by-hand.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { first } = guest.endpoint;
  const tunnel = await tunnelByHand(guest, first, 20049);
  await mountByHand(guest, tunnel.port, "/mnt/by-hand");

  const mount = guest.mountAt("/mnt/by-hand");
  guest.log(mount.line);
  assert.equal(mount.options.get("port"), "20049");
  assert.equal(mount.options.get("vers"), "4.1");
  assert.equal(mount.options.get("rsize"), "1048576");

  await guest.write("/mnt/by-hand/hello", "written through TLS\n");
  assert.equal(await guest.read(`${first.server.directory}/hello`), "written through TLS\n");
  assert.deepEqual([...new Set(first.front.tlsVersions)], ["TLSv1.2"]);

  const writer = guest.writer("/mnt/by-hand/records");
  await guest.eventually("the writer writes", async () => (await writer.mark()).total > 20);
  const report = await writer.finish();
  guest.figure(`longest time between two synced writes: ${report.longestGapMs.toFixed(0)} ms`);
  assert.equal(await guest.sha256(`${first.server.directory}/records`), report.sha256);

  await guest.umount("/mnt/by-hand");
  await tunnel.stop();
});
