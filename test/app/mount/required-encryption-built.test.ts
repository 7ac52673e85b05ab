import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { EfsAccount } from "../../fakes/efs-account.ts";
import { efsApi } from "../../fakes/efs-api.ts";
import { MACHINE_NAMESPACES, Machine } from "../../fakes/machine.ts";
import { inNamespaces } from "../../fakes/namespaces.ts";
import type { Service } from "../../fakes/service.ts";

const [SERVER, ENCRYPTED, PLAIN] = ["127.0.0.5", "fs-11", "fs-22"];
const nameOf = (id: string) => `${id}.efs.us-east-1.amazonaws.com`;
const CONFIG = "[mount]\nregion = us-east-1\nstunnel_check_cert_validity = false\n";

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let machine: Machine;
let efs: Service;

function mount(id: string, ...options: string[]) {
  const asked = options.length === 0 ? [] : ["-o", options.join()];
  return machine.mount([`${id}:/`, machine.mountPoint(id), ...asked], {
    AWS_ENDPOINT_URL_EFS: efs.url,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "an example of a secret",
  });
}

/** State files, and what mount.nfs4 has seen. */
const traces = () =>
  ["/run/efs", `${machine.folder}/seen`].flatMap((place) => (existsSync(place) ? readdirSync(place) : []));

await inNamespaces(MACHINE_NAMESPACES, () => {
  before(async () => {
    machine = new Machine(group);
    machine.names({ [nameOf(ENCRYPTED)]: SERVER, [nameOf(PLAIN)]: SERVER });
    await machine.serve(SERVER, nameOf(ENCRYPTED));
    await machine.build();
    const account = new EfsAccount();
    account.add(
      "us-east-1",
      { FileSystemId: ENCRYPTED, Encrypted: true },
      { FileSystemId: PLAIN, Encrypted: false },
    );
    efs = await efsApi(group, new Map(), account);
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("require_tls refuses a mount without tls, before anything is started, and says how to mount", async () => {
    machine.configure(`${CONFIG}require_tls = true\n`);
    const { status, stdout, stderr } = await mount(ENCRYPTED);
    assert.match(
      stderr,
      /^mount\.efs: fs-11 is not mounted without .*: require_tls is set .*; add tls .*\n$/,
    );
    assert.deepEqual([status, stdout, traces()], [1, "", []]);
  });

  test("require_tls of a region counts there, and one of another region does not", async () => {
    machine.configure(`${CONFIG}require_tls = true\n[mount.us-east-1]\nrequire_tls = false\n`);
    assert.deepEqual(await mount(PLAIN), { status: 0, stdout: "", stderr: "" });
    machine.configure(`${CONFIG}[mount.us-east-1]\nrequire_tls = true\n`);
    assert.equal((await mount(PLAIN)).status, 1);
  });

  test("a check with -f is held to the rules too", async () => {
    machine.configure(`${CONFIG}require_tls = true\n`);
    const { status } = await machine.mount([`${PLAIN}:/`, machine.mountPoint(PLAIN), "-f"]);
    assert.equal(status, 1);
  });

  test("require_encryption_at_rest refuses a file system that is not encrypted", async () => {
    machine.configure(`${CONFIG}require_encryption_at_rest = true\n`);
    await machine.build("aws-efs");
    const { status, stderr } = await mount(PLAIN, "tls");
    assert.match(stderr, /^mount\.efs: fs-22 is not encrypted at rest, and require_encryption_at_rest .*\n$/);
    assert.deepEqual([status, efs.calls.length], [1, 1]);
  });

  test("require_encryption_at_rest asks for a file system once: later mounts need no API", async () => {
    machine.configure(`${CONFIG}require_encryption_at_rest = true\nrequire_tls = true\n`);
    const before = efs.calls.length;
    for (let time = 0; time < 2; time += 1)
      assert.deepEqual(await mount(ENCRYPTED, "tls"), { status: 0, stdout: "", stderr: "" });
    assert.equal(efs.calls.length - before, 1);
    assert.deepEqual(readdirSync("/run/amazon-efs-mount-helper/at-rest"), ["fs-11.us-east-1.json"]);
  });
});
