import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { foreignMount, serverChecks, transitOf } from "../../../src/core/encryption/transit.ts";
import type { MountStatus } from "../../../src/core/status/status.ts";
import { mountEntry } from "../../support/watchdog-rig.ts";

const VERIFIED = "verify = 2\ncheckHost = fs-1.efs.us-east-1.amazonaws.com\nOCSPaia = yes\n";
const MOUNT: MountStatus = {
  kind: "mount",
  mountPoint: "/mnt/efs",
  fileSystem: "fs-1",
  protection: "tls",
  tunnel: { port: 20049, pid: 7 },
  problems: [],
};

describe("what a tunnel proves of its server", () => {
  const CASES: [config: string, chain: boolean, hostName: boolean, revocation: boolean][] = [
    [VERIFIED, true, true, true],
    [VERIFIED.replace("OCSPaia = yes", ""), true, true, false],
    [VERIFIED.replace(/^checkHost.*$/m, ""), true, false, true],
    ["verifyChain = yes\ncheckHost = x\n", true, true, false],
    // without a chain, the other two prove nothing
    [VERIFIED.replace("verify = 2", "verify = 0"), false, false, false],
    ["", false, false, false],
  ];
  for (const [config, chain, hostName, revocation] of CASES) {
    test(`is read from ${JSON.stringify(config)}`, () => {
      assert.deepEqual(serverChecks(config), { chain, hostName, revocation });
    });
  }
});

describe("a mount in transit", () => {
  test("through a tunnel that verifies its server is no problem", () => {
    const { problems, ...status } = transitOf(MOUNT, serverChecks(VERIFIED)) ?? assert.fail();
    assert.deepEqual(problems, []);
    assert.deepEqual([status.protection, status.port], ["tls", 20049]);
  });

  test("through a tunnel that does not is one, by what it lacks", () => {
    const what = (config: string) => transitOf(MOUNT, serverChecks(config))?.problems[0]?.what ?? "";
    assert.match(what("verify = 0"), /\/mnt\/efs is encrypted in transit, but the server is not verified/);
    assert.match(what("verify = 2"), /host name is not checked/);
  });

  test("through a tunnel whose configuration cannot be read is TLS, and no more is said", () => {
    const { checks, problems } = transitOf(MOUNT, undefined) ?? assert.fail();
    assert.deepEqual([checks, problems], [undefined, []]);
  });

  test("without TLS is a problem with its remedy", () => {
    const { tunnel: _, ...mount } = MOUNT;
    const { protection, problems } = transitOf({ ...mount, protection: "plain" }, undefined) ?? assert.fail();
    assert.equal(protection, "plain");
    assert.match(problems[0]?.what ?? "", /^\/mnt\/efs is mounted without encryption in transit$/);
    assert.match(problems[0]?.remedy ?? "", /option tls/);
  });

  test("through somebody else's port is not judged", () => {
    const { tunnel: _, ...mount } = MOUNT;
    assert.equal(transitOf(mount, undefined)?.protection, "foreign");
    assert.equal(foreignMount(mountEntry("/mnt/other", 4000))?.protection, "foreign");
  });

  test("of another server is none of EFS, and what is left of a mount is no mount", () => {
    const entry = { ...mountEntry("/mnt/nas", 2049), superOptions: "rw,addr=10.0.0.5" };
    assert.equal(foreignMount(entry), undefined);
    assert.equal(transitOf({ ...MOUNT, kind: "orphan" }, undefined), undefined);
  });
});
