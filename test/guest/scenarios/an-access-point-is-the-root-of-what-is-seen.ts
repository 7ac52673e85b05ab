import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { identityFront } from "../endpoint/identity-front.ts";
import { stateOf } from "../runner/identity.ts";
import { leadsTo, mount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const [RED, BLUE] = ["fsap-0123456789abcdef0", "fsap-0fedcba9876543210"];

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first } = endpoint;
  await product.startWatchdog();
  const front = await identityFront(guest);
  await front.addAccessPoint(RED, { path: "teams/red", uid: 1001, gid: 2001 });
  await front.addAccessPoint(BLUE, { path: "teams/blue", uid: 1002, gid: 2002 });
  front.policy.iam = false;

  await mount(guest, `${first.id}:/`, `tls,accesspoint=${RED}`);
  assert.equal(stateOf(guest).accessPoint, RED);
  const red = join(first.server.directory, "teams/red");
  await leadsTo(guest, red);
  // Files belong to the access point's user, whoever makes them.
  const { uid, gid } = statSync(join(red, "proof"));
  assert.deepEqual([uid, gid], [1001, 2001]);
  // Nothing above or beside it is there.
  assert.equal(await guest.ok("ls", ["-A", MOUNT_POINT]), "proof\n");
  await guest.ok("mkdir", [join(MOUNT_POINT, "reports")]);
  await unmount(guest);

  // A path is one below the access point's root; one that leads out of it does not.
  await mount(guest, `${first.id}:/reports`, `tls,accesspoint=${RED}`);
  await leadsTo(guest, join(red, "reports"));
  await unmount(guest);
  for (const path of ["/teams/blue", "/../blue"]) {
    const outside = await product.tryMount(`${first.id}:${path}`, [`tls,accesspoint=${RED}`]);
    assert.notEqual(outside.status, 0, path);
    assert.deepEqual(product.traces(), []);
  }
  assert.deepEqual(readdirSync(join(first.server.directory, "teams/blue")), []);

  // With an IAM identity besides, where the policy asks for both.
  Object.assign(front.policy, { iam: true, accessPoint: true });
  const keys = front.giveRole();
  await mount(guest, `${first.id}:/`, `tls,iam,accesspoint=${BLUE}`);
  await leadsTo(guest, join(first.server.directory, "teams/blue"));
  const { accessKeyId, accessPoint } = front.admitted.at(-1) ?? {};
  assert.deepEqual([accessKeyId, accessPoint], [keys.accessKeyId, BLUE]);
  await unmount(guest);
});
