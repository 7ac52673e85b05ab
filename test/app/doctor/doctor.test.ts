import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { writeBundle } from "../../../src/app/doctor/bundle.ts";
import { examine } from "../../../src/app/doctor/doctor.ts";
import type { DoctorContext } from "../../../src/app/doctor/examination.ts";
import { CHECKS, type CheckId, type CheckReport, worstOf } from "../../../src/core/doctor/checks.ts";
import { logLine } from "../../../src/core/log-line.ts";
import { parseInvocation } from "../../../src/core/request/request.ts";
import { efsApi } from "../../fakes/efs-api.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { type Instance, instanceMetadata } from "../../fakes/instance.ts";
import { service } from "../../fakes/service.ts";
import { temporaryDirectory } from "../../support/authority.ts";

const VERSION = "1.2.3";
const KEYS = { accessKeyId: "ASIAEXAMPLEEXAMPLE12", secretAccessKey: "secret", sessionToken: "token" };
const ROLE = { name: "efs", keys: KEYS };
const ARN = "arn:aws:sts::111122223333:assumed-role/efs/i-1";

interface MachineOptions {
  readonly instance?: Instance;
  readonly config?: string;
  readonly fstab?: string;
  readonly log?: string;
  readonly device?: readonly [device: string, options: string];
  readonly helper?: string;
  readonly environment?: Record<string, string>;
}

/** A machine of its own for the doctor: places in a directory, and AWS's services on local ports. */
async function machine(t: TestContext, options: MachineOptions = {}): Promise<DoctorContext> {
  const place = temporaryDirectory(t, "doctor");
  const at = (name: string) => join(place, name);
  for (const name of ["state", "log"]) mkdirSync(at(name), { mode: 0o750 });
  if (options.config !== undefined) writeFileSync(at("efs-utils.conf"), options.config, { mode: 0o644 });
  if (options.log !== undefined) writeFileSync(at("log/mount.log"), options.log);
  writeFileSync(at("fstab"), options.fstab ?? "");
  writeFileSync(at("mount.efs"), options.helper ?? `#!/bin/sh\necho "mount.efs ${VERSION}"\n`, {
    mode: 0o755,
  });
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "900"],
    ...["-subj", "/CN=Test CA", "-keyout", at("ca.key"), "-out", at("ca.crt")],
  ]);
  const metadata = options.instance && (await instanceMetadata(t, options.instance));
  const sts = await service(t, () => ({
    headers: { "content-type": "text/xml" },
    body: `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>${ARN}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  }));
  forgetAws(t);
  const environment = {
    ...(metadata === undefined
      ? { AWS_EC2_METADATA_DISABLED: "true" }
      : { AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url }),
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_ENDPOINT_URL_EFS: (await efsApi(t)).url,
    HOME: place,
    ...options.environment,
  };
  setEnvironment(t, environment);
  const [device, mountOptions] = options.device ?? [];
  const invocation =
    device === undefined ? undefined : parseInvocation([device, "/mnt", "-o", mountOptions ?? "tls"], "/");
  return {
    paths: {
      config: at("efs-utils.conf"),
      caBundle: at("ca.crt"),
      privateKey: at("privateKey.pem"),
      stateDirectory: at("state"),
      logDirectory: at("log"),
      mountNfs: "/sbin/mount.nfs4",
      stunnelMemory: at("stunnel.json"),
      firewallCache: at("firewall.json"),
      atRestMemory: at("at-rest"),
      turns: at("turns"),
      keeper: "/none",
      publisher: "/none",
      socketMaker: "/none",
    },
    environment,
    kernel: {
      mounts: () => [],
      nfsClientPorts: () => new Set(),
      connectedPorts: () => new Set(),
      watchMounts: () => () => {},
    },
    hostName: "test-host",
    version: VERSION,
    fstab: at("fstab"),
    request: invocation?.kind === "mount" ? invocation.request : undefined,
    helper: at("mount.efs"),
    isRoot: false,
  };
}

const INSTANCE: Instance = { region: "us-east-1", role: ROLE };

async function reports(context: DoctorContext): Promise<Map<CheckId, CheckReport>> {
  const all = await examine(
    context,
    () => {},
    () => {},
  );
  return new Map(all.map((report) => [report.id, report]));
}

/** Fails unless a check ended so and says this. */
function assertCheck(all: Map<CheckId, CheckReport>, id: CheckId, worst: string, says: RegExp): void {
  const { findings = [] } = all.get(id) ?? {};
  const text = findings.map(({ finding, remedy = "" }) => `${finding} | ${remedy}`).join("\n");
  assert.match(text, says, id);
  assert.equal(worstOf(findings), worst, `${id}: ${text}`);
}

describe("the doctor", () => {
  test("looks at everything in its order, tells each thing as it goes, and finds a machine well", async (t) => {
    const context = await machine(t, { instance: INSTANCE, config: "[mount]\nregion = eu-west-1\n" });
    const told: string[] = [];
    const all = await examine(
      context,
      (title) => told.push(`begun ${title}`),
      ({ title }) => told.push(`done ${title}`),
    );
    assert.deepEqual(
      told,
      Object.values(CHECKS).flatMap((title) => [`begun ${title}`, `done ${title}`]),
    );
    const found = new Map(all.map((report) => [report.id, report]));
    assertCheck(found, "installation", "ok", /version 1\.2\.3, as this program/);
    assertCheck(found, "mount-nfs4", "ok", /nfs-utils/);
    assertCheck(found, "stunnel-features", "ok", /checkHost/);
    assertCheck(found, "configuration", "ok", /1 keys are set/);
    assertCheck(found, "authorities", "ok", /1 valid of 1.*Test CA/);
    assertCheck(found, "metadata", "ok", /IMDSv2/);
    assertCheck(found, "region", "ok", /eu-west-1, by region in \[mount\]/);
    assertCheck(found, "clock", "ok", /metadata service/);
    assertCheck(found, "credentials", "ok", new RegExp(`${ARN}, from the role of this instance`));
    assertCheck(found, "local-ports", "ok", /of 400 ports/);
    assertCheck(found, "fstab", "ok", /no line mounts EFS/);
    assertCheck(found, "failures", "ok", /no mount failed/);
    assertCheck(found, "tls-handshake", "skipped", /no file system was named/);
  });

  test("finds what is wrong in files: configuration with line numbers, fstab, authorities, another helper", async (t) => {
    const context = await machine(t, {
      instance: INSTANCE,
      config: "[mount]\nregoin = us-east-1\nport_range_lower_bound = x\n",
      fstab: "fs-1:/ /no/mnt efs tls 0 0\n",
      helper: "#!/bin/sh\necho mount.efs 0.0.1\n",
    });
    writeFileSync(context.paths.caBundle, "no certificate");
    const found = await reports(context);
    assertCheck(
      found,
      "configuration",
      "problem",
      /line 3: \[mount\] port_range_lower_bound[\s\S]*line 2.*did you mean region/,
    );
    assertCheck(found, "fstab", "warning", /line 1 \(\/no\/mnt\): _netdev is missing/);
    assertCheck(found, "authorities", "problem", /no certificate/);
    assertCheck(found, "installation", "warning", /is version 0\.0\.1/);
  });

  test("finds a configuration that cannot be read, and goes on with the defaults", async (t) => {
    const found = await reports(await machine(t, { instance: INSTANCE, config: "[mount\n" }));
    assertCheck(found, "configuration", "problem", /every mount is refused: .*line 1/);
    assertCheck(found, "local-ports", "ok", /of 400 ports/);
  });

  test("tells a missing region with what to do, and goes on", async (t) => {
    const found = await reports(await machine(t));
    assertCheck(found, "metadata", "skipped", /DISABLED/);
    assertCheck(found, "region", "problem", /not known.*region=NAME/);
    assertCheck(found, "credentials", "skipped", /region is not known/);
  });

  test("tells a metadata service without sessions from one with them", async (t) => {
    const found = await reports(await machine(t, { instance: { ...INSTANCE, hasSessions: false } }));
    assertCheck(found, "metadata", "warning", /IMDSv1/);
  });

  test("tells a name that does not resolve, and what the API says of the file system", async (t) => {
    const device = ["fs-0123456789abcdef0:/", "tls"] as const;
    const config =
      "[mount]\nfall_back_to_mount_target_ip_address_enabled = false\ndns_name_suffix = invalid\n";
    const found = await reports(await machine(t, { instance: INSTANCE, device, config }));
    assertCheck(found, "name", "problem", /does not resolve/);
    assertCheck(found, "port-2049", "problem", /does not resolve/);
    assertCheck(found, "efs-api", "note", /does not know fs-0123456789abcdef0/);
  });

  test("tells an address that refuses connections, without waiting for it again and again", async (t) => {
    const device = ["fs-0123456789abcdef0:/", "tls,mounttargetip=127.255.255.254"] as const;
    const found = await reports(await machine(t, { instance: INSTANCE, device }));
    assertCheck(found, "name", "problem", /127\.255\.255\.254 does not accept connections/);
  });

  test("of a mount with iam needs credentials", async (t) => {
    const device = ["fs-0123456789abcdef0:/", "tls,iam,mounttargetip=127.255.255.254"] as const;
    const found = await reports(await machine(t, { instance: { region: "us-east-1" }, device }));
    assertCheck(found, "credentials", "problem", /there are none/);
  });

  test("explains the mounts that failed of late, with the heading of the runbook", async (t) => {
    const log = logLine(
      new Date(),
      "ERROR",
      "cannot mount fs-1.efs:/ at /mnt: access denied by server; check",
    );
    const found = await reports(await machine(t, { instance: INSTANCE, log }));
    assertCheck(found, "failures", "note", /access denied by server.*policy.*see "Access is denied"/);
  });

  test("that is interrupted ends at once, with the reason, and says nothing more", async (t) => {
    const context = await machine(t, { instance: INSTANCE });
    const stop = new AbortController();
    const told: string[] = [];
    const reason = new Error("interrupted");
    const examining = examine(
      context,
      (title) => {
        if (title === CHECKS.stunnel) stop.abort(reason);
      },
      ({ id }) => told.push(id),
      stop.signal,
    );
    await assert.rejects(examining, reason);
    assert.deepEqual(told, ["installation", "kernel-nfs-client", "mount-nfs4"]);
  });

  test("a check that fails as such says so, and the others go on", async (t) => {
    const context = await machine(t, { instance: INSTANCE });
    const broken = { ...context, helper: context.paths.stateDirectory };
    const found = await reports(broken);
    assertCheck(found, "installation", "problem", /cannot run/);
    assertCheck(found, "fstab", "ok", /no line/);
  });
});

describe("a support bundle", () => {
  test("has findings, state, configuration and logs, for its owner's eyes, and no secrets", async (t) => {
    const secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12";
    const context = await machine(t, {
      instance: INSTANCE,
      config: "[client-info]\nsource = test\n",
      log: logLine(
        new Date(),
        "ERROR",
        `aws_secret_access_key = ${secret} of arn:aws:iam::111122223333:role/x`,
      ),
    });
    const place = temporaryDirectory(t, "bundle");
    const file = join(place, "support.tar.gz");
    await writeBundle(file, context, []);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    execFileSync("tar", ["-xzf", file, "-C", place]);
    const read = (name: string) => readFileSync(join(place, "efs-support", name), "utf8");
    assert.deepEqual(JSON.parse(read("doctor.json")), []);
    assert.deepEqual(JSON.parse(read("status.json")).mounts, []);
    assert.match(read("versions.txt"), /efs-utils 1\.2\.3/);
    assert.match(read(context.paths.config), /source = test/);
    const log = read(join(context.paths.logDirectory, "mount.log"));
    assert.match(log, / - ERROR - aws_secret_access_key = \(secret\) of arn:aws:iam::\(account\):role\/x/);
    const all = execFileSync("tar", ["-xzOf", file], { encoding: "utf8" });
    for (const never of [secret, "111122223333", KEYS.accessKeyId]) assert.ok(!all.includes(never), never);
  });

  test("takes the place of nothing, and leaves nothing where it cannot be written", async (t) => {
    const context = await machine(t);
    const place = temporaryDirectory(t, "bundle");
    const file = join(place, "mine");
    writeFileSync(file, "precious");
    await assert.rejects(writeBundle(file, context, []), /cannot write .*EEXIST/);
    assert.equal(readFileSync(file, "utf8"), "precious");
    await assert.rejects(writeBundle(join(place, "none/x"), context, []), /cannot write .*ENOENT/);
    assert.equal(existsSync(join(place, "none")), false);
  });
});
