import assert from "node:assert/strict";
import { awsApis } from "../endpoint/aws-apis.ts";
import { mount, unmount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const PLAIN = "/mnt/plain";

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  await product.startWatchdog();
  const { environment, account } = await awsApis(guest);
  account.add(
    "us-east-1",
    { FileSystemId: first.id, Encrypted: true, LifeCycleState: "available" },
    { FileSystemId: second.id, Encrypted: false, LifeCycleState: "available" },
  );
  endpoint.resolve({ [first.name]: first.front.address, [second.name]: second.server.address });
  await mount(guest, `${first.id}:/`, "tls");
  await mount(guest, `${second.id}:/`, "", { path: PLAIN });
  const look = async (...args: string[]) => {
    const env = { ...process.env, ...environment };
    return guest.run("efs-utils", ["encryption", "status", ...args], { env, timeoutMs: 60_000 });
  };

  const told = await look("--json");
  assert.equal(told.status, 1, told.stderr);
  const { inTransit, atRest } = JSON.parse(told.stdout);
  const [tls, plain] = [MOUNT_POINT, PLAIN].map((place) =>
    inTransit.find(({ mountPoint }: { mountPoint: string }) => mountPoint === place),
  );
  assert.deepEqual([tls.fileSystem, tls.protection, tls.problems], [first.id, "tls", []]);
  assert.deepEqual(tls.checks, { chain: true, hostName: true, revocation: true });
  assert.deepEqual([plain.fileSystem, plain.protection], [second.id, "plain"]);
  assert.match(plain.problems[0].what, /is mounted without encryption in transit/);
  const byId = new Map(
    atRest.map((one: { fileSystem: string; encrypted: boolean }) => [one.fileSystem, one.encrypted]),
  );
  assert.deepEqual([byId.get(first.id), byId.get(second.id)], [true, false]);

  const text = await look();
  guest.log(text.stdout);
  guest.figure(`told in ${text.seconds.toFixed(2)} s`);
  assert.match(
    text.stdout,
    /^\/mnt\/efs {2}\S+ {2}TLS {2}127\.0\.0\.1:\d+ {2}server verified: certificate, host name, revocation$/m,
  );
  assert.match(text.stdout, /^\/mnt\/plain {2}\S+ {2}not encrypted$/m);
  await unmount(guest, MOUNT_POINT, PLAIN);
});
