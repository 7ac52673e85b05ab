import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isForOthers, isOwn, OWN_OPTIONS } from "../../../src/core/request/options.ts";
import { type MountRequest, parseInvocation, USAGE } from "../../../src/core/request/request.ts";
import { anyText } from "../../support/any-text.ts";
import { assertProblem, problemOf } from "../../support/problem.ts";

const DEVICE = "fs-0123456789abcdef0:/";
const POINT = "/mnt/efs";
const ACCESS_POINT = "fsap-0123456789abcdef0";

function request(...flags: string[]): MountRequest {
  const invocation = parseInvocation([DEVICE, POINT, ...flags], "/");
  assert.ok(invocation.kind === "mount");
  return invocation.request;
}

/** What is asked for with these options. */
const withOptions = (options: string) => request("-o", options);
const nfs = ({ nfsOptions }: MountRequest) =>
  nfsOptions.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`)).join(",");

test("device and mount point alone ask for a mount without TLS and without options", () => {
  assert.deepEqual(request(), {
    device: { kind: "id", fsId: "fs-0123456789abcdef0" },
    remotePath: "/",
    mountPoint: POINT,
    security: { kind: "plain" },
    region: undefined,
    zone: undefined,
    crossAccount: undefined,
    mountTargetIp: undefined,
    networkNamespace: undefined,
    mountNamespace: undefined,
    nfsOptions: [],
    waitsForNetwork: false,
    remount: false,
    fake: false,
    verbose: false,
  });
});

test("tls alone verifies the chain and leaves the rest to the configuration", () => {
  assert.deepEqual(withOptions("tls").security, {
    kind: "tls",
    port: undefined,
    verify: 2,
    ocsp: undefined,
    caFile: undefined,
    accessPoint: undefined,
    iam: undefined,
  });
});

test("every option of ours is understood", () => {
  const { security, ...rest } = withOptions(
    `tls,tlsport=20050,verify=0,noocsp,cafile=/ca.pem,iam,awsprofile=me,rolearn=arn:aws:iam::1:role/r,jwtpath=/t,accesspoint=${ACCESS_POINT},region=us-east-1,crossaccount,azid=use1-az1,netns=/run/netns/a,stunnel,fsap=x`,
  );
  assert.deepEqual(security, {
    kind: "tls",
    port: 20050,
    verify: 0,
    ocsp: false,
    caFile: "/ca.pem",
    accessPoint: ACCESS_POINT,
    iam: {
      profile: "me",
      credentialsUri: undefined,
      webIdentity: { roleArn: "arn:aws:iam::1:role/r", tokenFile: "/t" },
    },
  });
  assert.equal(rest.region, "us-east-1");
  assert.deepEqual(rest.crossAccount, { zoneId: "use1-az1" });
  assert.equal(rest.networkNamespace, "/run/netns/a");
  assert.deepEqual(rest.nfsOptions, []);
  assert.equal(withOptions("az=us-east-1a").zone, "us-east-1a");
  assert.equal(withOptions("mounttargetip=10.0.0.1").mountTargetIp, "10.0.0.1");
  assert.equal(withOptions("mounttargetip=fd00::1").mountTargetIp, "fd00::1");
  assert.deepEqual(withOptions("crossaccount").crossAccount, { zoneId: undefined });
  const ecs = withOptions("tls,iam,awscredsuri=/v2/credentials/x,ocsp").security;
  assert.ok(ecs.kind === "tls");
  assert.equal(ecs.iam?.credentialsUri, "/v2/credentials/x");
  assert.equal(ecs.ocsp, true);
});

/** What must be refused, and what the message names and advises. */
const REFUSED: [options: string, ...says: string[]][] = [
  ["tls,port=2049", "tls and port", "tlsport"],
  ["port=2049,tls", "tls and port"],
  ["tls,notls", "tls and notls"],
  ["tls,ocsp,noocsp", "ocsp and noocsp"],
  ["tls,capath=/x", "capath", "cafile"],
  ["capath=/x", "capath", "cafile"],
  [`accesspoint=${ACCESS_POINT}`, "accesspoint needs tls", "add tls"],
  ["iam", "iam needs tls", "add tls"],
  ["tls,awsprofile=me", "awsprofile needs iam", "add iam"],
  ["tls,awscredsuri=/x", "awscredsuri needs iam", "add iam"],
  ["tls,iam,awsprofile=me,awscredsuri=/x", "awsprofile and awscredsuri"],
  ["tls,iam,awscredsuri=x", 'awscredsuri="x"', "begins with /"],
  ["tls,iam,rolearn=arn", "rolearn and jwtpath"],
  ["tls,iam,jwtpath=/x", "rolearn and jwtpath"],
  ["mounttargetip=10.0.0.1,crossaccount", "mounttargetip and crossaccount"],
  ["azid=use1-az1", "azid needs crossaccount", "az=NAME"],
  ["tls,tlsport=0", 'tlsport="0"', "from 1 to 65535"],
  ["tls,tlsport=65536", 'tlsport="65536"', "from 1 to 65535"],
  ["tls,tlsport=abc", 'tlsport="abc"'],
  ["tls,tlsport=1.5", 'tlsport="1.5"'],
  ["tls,tlsport=-1", 'tlsport="-1"'],
  ["tls,tlsport=+1", 'tlsport="+1"'],
  ["tls,tlsport= 1", 'tlsport=" 1"'],
  ["tls,tlsport=0x10", 'tlsport="0x10"'],
  ["tls,verify=5", 'verify="5"', "from 0 to 4"],
  ["tls,verify=-1", 'verify="-1"'],
  ["tls,cafile=ca.pem", 'cafile="ca.pem"', "absolute path"],
  ["tls,iam,rolearn=arn:aws:iam::1:role/r,jwtpath=jwt", 'jwtpath="jwt"', "absolute path"],
  ["tls,accesspoint=fsap-1", 'accesspoint="fsap-1"', "17 hexadecimal digits"],
  ["tls,accesspoint=fsap-0123456789ABCDEF0", "accesspoint="],
  ["tls,accesspoint=fsap-0123456789abcdef01", "accesspoint="],
  ["region=nowhere", 'region="nowhere"', "us-east-1"],
  ["region=us-east-1/x", "region="],
  ["region=Us-East-1", "region="],
  ["az=us east", 'az="us east"'],
  ["az=a.b", 'az="a.b"'],
  ["mounttargetip=10.0.0", 'mounttargetip="10.0.0"', "IPv4 or IPv6"],
  ["mounttargetip=host", "mounttargetip="],
  ["netns=blue", 'netns="blue"', "absolute path"],
];
for (const [options, ...says] of REFUSED) {
  test(`refused: ${options}`, () => assertProblem(() => withOptions(options), "usage", ...says));
}

test("tlsport must be a port also where it has no effect", () => {
  assertProblem(() => withOptions("tlsport=x"), "usage", 'tlsport="x"');
  assert.equal(withOptions("tlsport=20050").security.kind, "plain");
});

const NFS: [what: string, flags: string[], options: string][] = [
  [
    "options of NFS go through as they are written",
    ["-o", "noatime,rsize=65536,sec=sys"],
    "noatime,rsize=65536,sec=sys",
  ],
  ["several -o add up", ["-o", "tls,ro", "-o", "noatime"], "ro,noatime"],
  ["a value may be attached to its flag", ["-otls,ro"], "ro"],
  ["of two equal options the last one counts", ["-o", "rsize=1,rsize=2"], "rsize=2"],
  ["-r is ro", ["-r"], "ro"],
  ["-w is rw", ["-w"], "rw"],
  ["flags may stand together", ["-svr"], "ro"],
  ["-t and its value have no effect", ["-t", "efs"], ""],
  ["-s and -n do no harm", ["-s", "-n"], ""],
  ["what only fstab reads is dropped", ["-o", "_netdev,nofail,x-systemd.automount,noauto,user,ro"], "ro"],
  ["an empty -o is none", ["-o", ""], ""],
  ["nothing of -o is lost that stands before a flag", ["-o", "ro", "-v"], "ro"],
];
for (const [what, flags, options] of NFS) {
  test(what, () => assert.equal(nfs(request(...flags)), options));
}

test("flags are understood", () => {
  assert.equal(request("-f").fake, true);
  assert.equal(request("-v").verbose, true);
  assert.equal(request("-N", "/proc/7/ns/mnt").mountNamespace, "/proc/7/ns/mnt");
  assert.equal(withOptions("remount,ro").remount, true);
  assert.equal(withOptions("_netdev").waitsForNetwork, true);
});

const BAD_ARGUMENTS: [argv: string[], ...says: string[]][] = [
  [[], "device is missing", USAGE],
  [["-o", "tls", DEVICE, POINT], "device is missing"],
  [[DEVICE], "mount point is missing"],
  [[DEVICE, "-o", "tls"], "mount point is missing"],
  [[DEVICE, POINT, "-o"], "-o needs a value"],
  [[DEVICE, POINT, "-N"], "-N needs a value"],
  [[DEVICE, POINT, "-t"], "-t needs a value"],
  [[DEVICE, POINT, "-x"], '"-x" is not understood'],
  [[DEVICE, POINT, "--verbose"], '"--verbose" is not understood'],
  [[DEVICE, POINT, "more"], '"more" is not understood'],
  [[DEVICE, POINT, "-"], '"-" is not understood'],
  [[DEVICE, POINT, ""], '"" is not understood'],
  [[DEVICE, POINT, "-N", "/a\nb"], "-N", "control character"],
];
for (const [argv, ...says] of BAD_ARGUMENTS) {
  test(`refused: mount.efs ${JSON.stringify(argv.join(" "))}`, () => {
    assertProblem(() => parseInvocation(argv, "/"), "usage", ...says);
  });
}

test("where the working directory was removed, only a whole path says what the mount point is", () => {
  const invocation = parseInvocation([DEVICE, POINT], undefined);
  assert.equal(invocation.kind === "mount" && invocation.request.mountPoint, POINT);
  assertProblem(() => parseInvocation([DEVICE, "efs"], undefined), "usage", '"efs"', "was removed", "from /");
});

test("help and version count wherever they stand, and nothing else is read then", () => {
  for (const flag of ["-h", "--help"]) {
    for (const argv of [[flag], [DEVICE, POINT, flag], ["-o", "tls,notls", flag]]) {
      assert.deepEqual(parseInvocation(argv, "/"), { kind: "help" });
    }
  }
  assert.deepEqual(parseInvocation([DEVICE, "--version"], "/"), { kind: "version" });
});

const text = fc.oneof(
  anyText(),
  fc.constantFrom(DEVICE, POINT, "-o", "-N", "-t", "-sfnvrw", "-r", "", "-", "--", "__proto__"),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...Object.keys(OWN_OPTIONS), "ro", "port=1", "remount"),
        fc.tuple(fc.constantFrom(...Object.keys(OWN_OPTIONS)), fc.string()).map((parts) => parts.join("=")),
      ),
    )
    .map((options) => options.join(",")),
);

test("whatever the arguments are, reading them gives an invocation or an error of ours", () => {
  fc.assert(fc.property(fc.array(text), (argv) => void problemOf(() => parseInvocation(argv, "/"))));
  const flags = fc.array(fc.tuple(fc.constantFrom("-o", "-N", "-t", "-v"), text));
  fc.assert(
    fc.property(
      flags,
      (pairs) => void problemOf(() => parseInvocation([DEVICE, POINT, ...pairs.flat()], "/")),
    ),
    { numRuns: 500 },
  );
});

test("nothing of ours, nothing of fstab and no control character ever reaches mount.nfs4", () => {
  fc.assert(
    fc.property(fc.array(text), (options) => {
      const argv = options.flatMap((value) => ["-o", value]);
      if (problemOf(() => request(...argv)) !== undefined) return;
      for (const option of request(...argv).nfsOptions) {
        assert.equal(isOwn(option.name) || isForOthers(option), false, option.name);
        assert.doesNotMatch(`${option.name}${option.value}`, /\p{Cc}/u);
      }
    }),
    { numRuns: 500 },
  );
});
