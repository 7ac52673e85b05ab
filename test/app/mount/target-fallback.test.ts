import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { resolveTarget } from "../../../src/app/mount/resolve-target.ts";
import { OWN_NETWORK } from "../../../src/app/tunnel/network.ts";
import { parseConfig, settings } from "../../../src/core/config/config.ts";
import { asEfsError, oneLine } from "../../../src/core/errors.ts";
import type { Region } from "../../../src/core/ids.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { parseInvocation } from "../../../src/core/request/request.ts";
import { Metadata } from "../../../src/system/metadata.ts";
import { type DescribedTarget, efsApi, efsError } from "../../fakes/efs-api.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { profileText, sessionKeys, userKeys } from "../../fakes/keys.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import type { Answer, Service } from "../../fakes/service.ts";
import { sts } from "../../fakes/sts.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { assertProblem } from "../../support/problem.ts";

const [FIRST, SECOND, KNOWN] = ["127.0.0.5", "127.0.0.6", "127.0.0.7"];
const NFS_PORT = 2049;
const [UNKNOWN_ID, RESOLVING_ID, DENIED_ID] = ["fs-11", "fs-22", "fs-33"];
const nameOf = (id: string) => `${id}.efs.us-east-1.amazonaws.com`;
const REGION_STEP = "the region is us-east-1, by region in [mount]";
const KEYS = userKeys("caller");
const OTHER = userKeys("other");

const TARGETS: DescribedTarget[] = [
  {
    MountTargetId: "fsmt-1",
    IpAddress: FIRST,
    LifeCycleState: "available",
    AvailabilityZoneName: "us-east-1a",
    AvailabilityZoneId: "use1-az1",
  },
  {
    MountTargetId: "fsmt-2",
    IpAddress: SECOND,
    LifeCycleState: "available",
    AvailabilityZoneName: "us-east-1b",
    AvailabilityZoneId: "use1-az2",
  },
];

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
let efs: Service;

/** Where a mount would go, and each step that -v tells. */
async function resolve(
  device: string,
  options = "",
  config = "",
  variables: Record<string, string> = {},
): Promise<ResolvedTarget & { steps: string[] }> {
  const invocation = parseInvocation([device, "/mnt/efs", "-o", options], "/");
  assert.ok(invocation.kind === "mount");
  const file = parseConfig(`[mount]\nregion = us-east-1\n${config}`, "efs-utils.conf");
  const environment = { AWS_EC2_METADATA_DISABLED: "true", ...variables };
  const steps: string[] = [];
  const context = {
    environment,
    settings: settings(file),
    settingsFor: (region: Region) => settings(file, region),
    metadata: new Metadata({ disableToken: true, environment }),
    step: (what: string) => void steps.push(what),
  };
  const place = { network: OWN_NETWORK, signal: new AbortController().signal };
  const target = await resolveTarget(invocation.request, context, place);
  return { ...target, steps };
}

/** Fails unless the mount ends with a line that says all of this. */
async function assertRefused(resolving: Promise<unknown>, ...says: string[]): Promise<void> {
  const error = await resolving.then(
    () => assert.fail("it is resolved"),
    (thrown: unknown) => asEfsError(thrown),
  );
  const rethrow = () => {
    throw error;
  };
  assertProblem(rethrow, "mount", ...says);
}

const callersOf = (service: Service) =>
  service.calls.map(({ headers }) => /Credential=([^/]+)/.exec(headers.authorization ?? "")?.[1]);

await inNamespaces(["--mount"], () => {
  before(async () => {
    const directory = temporaryDirectory(group, "names");
    writeFileSync(join(directory, "hosts"), `127.0.0.1 localhost\n${KNOWN} ${nameOf(RESOLVING_ID)}\n`);
    // nobody is there, which is found out at once
    writeFileSync(join(directory, "resolv.conf"), "nameserver 127.0.0.1\n");
    for (const name of ["hosts", "resolv.conf"])
      run("mount", "--bind", join(directory, name), `/etc/${name}`);
    for (const address of [FIRST, SECOND]) {
      const server = createServer((socket) => socket.destroy()).listen(NFS_PORT, address);
      await once(server, "listening");
      group.after(() => server.close());
    }
    efs = await efsApi(
      group,
      new Map<string, DescribedTarget[] | Answer>([
        [UNKNOWN_ID, TARGETS],
        [RESOLVING_ID, TARGETS],
        [DENIED_ID, efsError(403, "AccessDeniedException")],
      ]),
    );
    writeFileSync(join(directory, "credentials"), profileText("other", OTHER));
    forgetAws(group);
    setEnvironment(group, {
      AWS_ENDPOINT_URL_EFS: efs.url,
      AWS_SHARED_CREDENTIALS_FILE: join(directory, "credentials"),
      AWS_CONFIG_FILE: join(directory, "config"),
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  describe("a name that does not resolve", () => {
    test("is kept for the certificate, beside the address of a mount target", async () => {
      const { dnsName, certificateName, address, steps } = await resolve(UNKNOWN_ID, "tls");
      const name = nameOf(UNKNOWN_ID);
      assert.deepEqual(
        { dnsName, certificateName, address },
        { dnsName: name, certificateName: name, address: FIRST },
      );
      assert.deepEqual(steps, [
        REGION_STEP,
        `${name} does not resolve; a mount target of ${UNKNOWN_ID} is at ${FIRST}`,
      ]);
    });

    test("leads to the zone of the option az", async () => {
      const { dnsName, certificateName, address } = await resolve(UNKNOWN_ID, "tls,az=us-east-1b");
      assert.equal(address, SECOND);
      assert.equal(dnsName, `us-east-1b.${nameOf(UNKNOWN_ID)}`);
      assert.equal(certificateName, nameOf(UNKNOWN_ID));
    });

    test("leads to the zone that the device names", async () => {
      const { address } = await resolve(`us-east-1b.${nameOf(UNKNOWN_ID)}`, "tls");
      assert.equal(address, SECOND);
    });

    test("leads to the zone of another account that the option azid names", async () => {
      const { address } = await resolve(UNKNOWN_ID, "tls,crossaccount,azid=use1-az2");
      assert.equal(address, SECOND);
    });

    test("leads nowhere else, where the zone that the device names has no mount target", async () => {
      await assertRefused(
        resolve(`us-east-1c.${nameOf(UNKNOWN_ID)}`, "tls"),
        `us-east-1c.${nameOf(UNKNOWN_ID)} does not resolve, and`,
        "no mount target in zone us-east-1c, only in us-east-1a, us-east-1b",
      );
    });

    test("is asked for with one request, as whoever the machine is", async () => {
      const before = efs.calls.length;
      await resolve(UNKNOWN_ID);
      assert.deepEqual(callersOf(efs).slice(before), [KEYS.accessKeyId]);
    });

    test("is asked for as the profile of the mount", async () => {
      const before = efs.calls.length;
      await resolve(UNKNOWN_ID, "tls,iam,awsprofile=other");
      assert.deepEqual(callersOf(efs).slice(before), [OTHER.accessKeyId]);
    });

    test("is asked for as the role of the mount", async (t) => {
      const role = "arn:aws:iam::1:role/r";
      const keys = sessionKeys("role");
      const token = join(temporaryDirectory(t, "token"), "token");
      writeFileSync(token, "a token");
      const { url } = await sts(t, { [role]: { trusts: "a token", keys } });
      const before = efs.calls.length;
      const options = `tls,iam,rolearn=${role},jwtpath=${token}`;
      await resolve(UNKNOWN_ID, options, "", { AWS_ENDPOINT_URL_STS: url });
      assert.deepEqual(callersOf(efs).slice(before), [keys.accessKeyId]);
      assert.equal(efs.calls.at(-1)?.headers["x-amz-security-token"], keys.sessionToken);
    });

    test("is not asked for as anybody else, where the mount's identity is none", async () => {
      const before = efs.calls.length;
      const options = `tls,iam,rolearn=arn:aws:iam::1:role/r,jwtpath=/nowhere/token`;
      const error = await resolve(UNKNOWN_ID, options).catch((thrown: unknown) => thrown);
      const says = oneLine(asEfsError(error));
      assert.ok(
        says.startsWith(`the name ${nameOf(UNKNOWN_ID)} does not resolve, and iam needs AWS credentials`),
      );
      assert.match(says, /\/nowhere\/token/);
      assert.equal(efs.calls.length, before);
    });

    test("is an error with both reasons, where the API helps no further", async () => {
      await assertRefused(
        resolve(DENIED_ID, "tls"),
        `the name ${nameOf(DENIED_ID)} does not resolve, and the EFS API denies elasticfilesystem:DescribeMountTargets`,
        "allow elasticfilesystem:DescribeMountTargets",
        "mounttargetip=IP",
      );
    });

    test("is an error at once, where the configuration forbids to ask", async () => {
      const before = efs.calls.length;
      const forbids = "fall_back_to_mount_target_ip_address_enabled = false\n";
      await assertRefused(
        resolve(UNKNOWN_ID, "tls", forbids),
        `the name ${nameOf(UNKNOWN_ID)} does not resolve`,
        "mounttargetip=IP",
      );
      assert.equal(efs.calls.length, before);
    });
  });

  test("a name that resolves is all there is to it: no API is asked", async () => {
    const before = efs.calls.length;
    const { address, steps } = await resolve(RESOLVING_ID, "tls");
    assert.equal(address, undefined);
    assert.deepEqual(steps, [REGION_STEP, `${nameOf(RESOLVING_ID)} in us-east-1 resolves to ${KNOWN}`]);
    assert.equal(efs.calls.length, before);
  });
});
