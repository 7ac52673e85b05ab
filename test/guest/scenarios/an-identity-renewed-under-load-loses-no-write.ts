import assert from "node:assert/strict";
import { identityFront } from "../endpoint/identity-front.ts";
import { sleepFor } from "../runner/clock.ts";
import { stateOf } from "../runner/identity.ts";
import { mount, unmount } from "../runner/mounting.ts";
import { bareNode, MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  product.configure({ tls_cert_renewal_interval_min: "10" });
  await product.startWatchdog();
  const front = await identityFront(guest);
  const before = front.giveRole("before");

  await mount(guest, `${first.id}:/`, "tls,iam");
  const writer = guest.writer(`${MOUNT_POINT}/records`);
  await guest.eventually("the writer writes", async () => (await writer.mark()).total > 50);
  const { pid, keeper, certificateCreationTime } = stateOf(guest);
  assert.deepEqual([...new Set(front.admitted.map(({ accessKeyId }) => accessKeyId))], [before.accessKeyId]);

  // The role's keys have changed meanwhile, as they do every few hours.
  const after = front.giveRole("after");
  await sleepFor(guest, 11);
  await guest.eventually(
    "it is renewed",
    () => stateOf(guest).certificateCreationTime !== certificateCreationTime,
    20_000,
  );
  const renewed = stateOf(guest);
  assert.deepEqual([renewed.pid, renewed.keeper], [pid, keeper], "stunnel was not started anew");

  // The connection that there is goes on; the next one presents the new certificate.
  const presented = front.visits.length;
  await guest.eventually("the writer goes on", async () => (await writer.mark()).records > 20);
  assert.equal(front.visits.length, presented, "no new connection was needed");
  front.disconnect();
  await guest.eventually("it connects again", () => front.visits.length > presented, 20_000);
  let longestGapMs = 0;
  await guest.eventually("the writer goes on", async () => {
    const report = await writer.mark();
    longestGapMs = Math.max(longestGapMs, report.longestGapMs);
    return report.records > 20;
  });
  for (const { client, refused } of front.visits.slice(presented)) {
    assert.equal(refused, undefined);
    assert.equal(client?.accessKeyId, after.accessKeyId);
    assert.ok((client?.createdAt.getTime() ?? 0) > Date.now() - 60_000);
  }
  const { total, sha256 } = await writer.finish();
  assert.equal(await guest.sha256(`${first.server.directory}/records`), sha256, "the server's copy");
  const yardstick = `node -e 0: ${((await bareNode()) * 1000).toFixed(0)} ms`;
  guest.figure(
    `${total} records; longest wait at the cut connection ${longestGapMs.toFixed(0)} ms (${yardstick})`,
  );
  await unmount(guest);
});
