import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { efsApi } from "../../fakes/efs-api.ts";
import { sessionKeys } from "../../fakes/keys.ts";
import { MACHINE_NAMESPACES, Machine } from "../../fakes/machine.ts";
import { inNamespaces } from "../../fakes/namespaces.ts";
import type { Service } from "../../fakes/service.ts";

const [SERVER, KNOWN_ID, UNKNOWN_ID] = ["127.0.0.5", "fs-11", "fs-22"];
const nameOf = (id: string) => `${id}.efs.us-east-1.amazonaws.com`;
const KEYS = sessionKeys("caller");

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let machine: Machine;
let efs: Service;

const isAws = (text: string) => /node_modules\/@(aws-sdk|smithy)\//.test(text);

/** The configuration of the one tunnel to a file system. */
function tunnelConfig(id: string): string {
  const name = readdirSync("/run/efs").find((entry) => entry.startsWith(`stunnel-config.${id}.`));
  assert.ok(name !== undefined, readdirSync("/run/efs").join(" "));
  return readFileSync(join("/run/efs", name), "utf8");
}

function mount(id: string, ...more: string[]) {
  return machine.mount([`${id}:/`, machine.mountPoint(id), "-o", "tls", ...more], {
    AWS_ENDPOINT_URL_EFS: efs.url,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    AWS_SESSION_TOKEN: KEYS.sessionToken,
  });
}

await inNamespaces(MACHINE_NAMESPACES, () => {
  before(async () => {
    machine = new Machine(group);
    machine.configure("[mount]\nregion = us-east-1\nstunnel_check_cert_validity = false\n");
    machine.names({ [nameOf(KNOWN_ID)]: SERVER });
    await machine.serve(SERVER, nameOf(KNOWN_ID));
    await machine.build();
    const target = {
      MountTargetId: "fsmt-1",
      LifeCycleState: "available",
      AvailabilityZoneName: "us-east-1a",
    };
    efs = await efsApi(group, new Map([[UNKNOWN_ID, [{ ...target, IpAddress: "127.0.0.6" }]]]));
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("mount.efs has nothing of the AWS SDK in it", () => {
    const inputs = machine.inputs.get("mount.efs") ?? [];
    assert.ok(inputs.length > 20);
    assert.deepEqual(inputs.filter(isAws), []);
    const program = readFileSync(machine.program("mount.efs.cjs"), "utf8");
    for (const name of ["aws-efs", "aws-ec2", "aws-referred"])
      assert.ok(program.includes(`./${name}.cjs`), `it does not load ${name}`);
  });

  test("a mount whose name resolves asks no API, and needs no file of the AWS SDK", async () => {
    assert.ok(!existsSync(machine.program("aws-efs.cjs")));
    const { status, stdout, stderr } = await mount(KNOWN_ID);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
    assert.match(tunnelConfig(KNOWN_ID), new RegExp(`^connect = ${nameOf(KNOWN_ID)}:2049$`, "m"));
    assert.deepEqual(efs.calls, []);
  });

  test("a mount whose name does not resolve goes to a mount target, and holds it to the name", async () => {
    await machine.build("aws-efs");
    await machine.serve("127.0.0.6", nameOf(UNKNOWN_ID));
    assert.ok((machine.inputs.get("aws-efs") ?? []).some(isAws));
    const { status, stdout, stderr } = await mount(UNKNOWN_ID);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
    const config = tunnelConfig(UNKNOWN_ID);
    assert.match(config, /^connect = 127\.0\.0\.6:2049$/m);
    assert.match(config, new RegExp(`^checkHost = ${nameOf(UNKNOWN_ID)}$`, "m"));
    assert.equal(efs.calls.length, 1);
  });
});
