import assert from "node:assert/strict";
import { isIP } from "node:net";
import { posix } from "node:path";
import { parseConfig, settings } from "../../src/core/config/config.ts";
import { lineFindings } from "../../src/core/doctor/fstab.ts";
import { redacted } from "../../src/core/doctor/redact.ts";
import { formatAtRest, parseAtRest } from "../../src/core/encryption/at-rest.ts";
import { holds } from "../../src/core/encryption/conditions.ts";
import { fileSystemsIn } from "../../src/core/encryption/file-system.ts";
import { applies, NoPolicy, parseKeyPolicy } from "../../src/core/encryption/key-policy.ts";
import { EfsError } from "../../src/core/errors.ts";
import { efsLines, linesWithoutNetwork } from "../../src/core/fstab.ts";
import type { Credentials } from "../../src/core/identity/connect-signature.ts";
import { parseKeys, parseWebIdentityAnswer } from "../../src/core/identity/keys.ts";
import { Profiles } from "../../src/core/identity/profiles.ts";
import { formatSource, parseSource } from "../../src/core/identity/source.ts";
import type { FileSystemId, Port, Region } from "../../src/core/ids.ts";
import { parseInstanceIdentity } from "../../src/core/location/instance-identity.ts";
import { chooseMountTarget, mountTargetsIn, zoneIdIn } from "../../src/core/location/mount-target.ts";
import { dnsName } from "../../src/core/location/target.ts";
import { logLine } from "../../src/core/log-line.ts";
import { isRoutine, parseLog } from "../../src/core/logs/entry.ts";
import { countRestarts, lastMounts } from "../../src/core/logs/mounted.ts";
import { parseSince } from "../../src/core/logs/since.ts";
import { concerns } from "../../src/core/logs/subject.ts";
import { mountCommand } from "../../src/core/nfs/command.ts";
import { connectionOf, parseSocket } from "../../src/core/nfs/connections.ts";
import { parseMountStats } from "../../src/core/nfs/mount-stats.ts";
import { parseMountInfo, parseNfsServers, tunnelPort } from "../../src/core/nfs/mount-table.ts";
import { isRootsStatus, parentIn, parseArguments, parseStat } from "../../src/core/process-files.ts";
import { joinOptions, splitOptions } from "../../src/core/request/options.ts";
import { parseInvocation } from "../../src/core/request/request.ts";
import { formatState, parseState } from "../../src/core/state/state.ts";
import { hasControlCharacter } from "../../src/core/text.ts";
import { parseCapabilities } from "../../src/core/tunnel/capabilities.ts";
import { classifyEntry, tunnelPaths } from "../../src/core/tunnel/names.ts";
import { stunnelConfig } from "../../src/core/tunnel/stunnel-config.ts";
import { complaints, lastVerdict, reloadVerdict, VerdictReader } from "../../src/core/tunnel/tunnel-log.ts";
import { readReply } from "../../src/core/watchdog/null-call.ts";
import { fitConfig, savedPort, savedSetting, savedTarget } from "../../src/core/watchdog/saved-config.ts";
import type { Target } from "./fuzzer.ts";

const FS_ID = "fs-0123456789abcdef0" as FileSystemId;
const REGION = "us-east-1" as Region;
const BASE = `${FS_ID}.mnt.20049`;
const STATE = "/var/run/efs";
const PATHS = tunnelPaths(STATE, BASE);
const ALL_OPTIONS = new Set(
  "accept checkHost OCSPaia syslog libwrap a b c d e f g h i j k l m n o p q r".split(" "),
);
const STUNNEL = {
  version: "5.75",
  options: ALL_OPTIONS,
  quietForeground: true,
  promptOutput: true,
  inheritsSockets: true,
};
const TARGET = {
  fsId: FS_ID,
  region: REGION,
  dnsName: "a.example",
  certificateName: "a.example",
  address: undefined,
};
const TUNNEL = {
  port: 20_049 as Port,
  target: TARGET,
  verify: 2,
  checkHostName: true,
  checkRevocation: true,
  caFile: "/ca",
  privateKey: "/key",
  fips: false,
  debugLog: undefined,
} as const;

/** Each parser of outside input, with promises that hold for every input. */
export const TARGETS: readonly Target[] = [
  text(
    "arguments",
    [
      `${FS_ID}:/\n/mnt\n-o\ntls,iam,ro,tlsport=3000,accesspoint=fsap-0123456789abcdef0,cafile=/a`,
      'a.efs.us-east-1.amazonaws.com:/x\n../m\n-fvrwo\nregion=us-east-1,context="a,b",_netdev,mounttargetip=::1',
      `${FS_ID}\n/m\n-o\ntls,verify=0,noocsp,netns=/n,az=a,crossaccount,azid=b`,
    ],
    (input) => {
      const invocation = mayFail(() => parseInvocation(input.split("\n"), "/work"));
      if (invocation?.kind !== "mount") return;
      const { request } = invocation;
      const { security, mountTargetIp: address } = request;
      noControlCharacters(request);
      noControlCharacters(
        mountCommand(request, { kind: "direct", target: { ...TARGET, address } }, "/sbin/mount.nfs4"),
      );
      assert.equal(posix.resolve(request.mountPoint), request.mountPoint);
      if (security.kind === "plain") return;
      if (security.port !== undefined) assertPort(security.port);
      const { verify, caFile = "/ca" } = security;
      assertStunnelConfig({ ...TUNNEL, target: { ...TARGET, address }, verify, caFile });
    },
    [
      [`${FS_ID}:/\n/mnt\n-o\n`, "i,", ""],
      [`${FS_ID}:/\n/mnt\n`, "-o\na\n", ""],
    ],
  ),
  text("options", ['tls,ro,context="a:b,c",timeo=600', "a=b=c,,d="], (input) => {
    const options = mayFail(() => splitOptions(input));
    if (options !== undefined) assert.deepEqual(splitOptions(joinOptions(options)), options);
  }),
  text(
    "config",
    [
      "[DEFAULT]\nlogging_level = INFO\n[mount]\nregion: us-east-1 # here\ndns_name_format = {az}.{fs_id}.efs.{region}.{dns_name_suffix}\n[mount.us-east-1]\nport_range_lower_bound = 1\nstunnel_cafile=/a\nstunnel_logs_file=/b\n",
    ],
    (input) => {
      const file = mayFail(() => parseConfig(input, "/etc/efs-utils.conf"));
      if (file === undefined) return;
      noControlCharacters(file.warnings);
      for (const { line } of file.unknown) assert.ok(line >= 1);
      const values = mayFail(() => settings(file, REGION));
      if (values === undefined) return;
      assert.ok(values.port_range_lower_bound >= 1 && values.port_range_upper_bound <= 65_536);
      const { stunnel_cafile: caFile = "/ca", stunnel_logs_file: debugLog } = values;
      assertStunnelConfig({ ...TUNNEL, caFile, debugLog });
      const parts = { fsId: FS_ID, region: REGION, zone: undefined, suffix: values.dns_name_suffix ?? "a" };
      const name = mayFail(() => dnsName(values.dns_name_format, parts));
      if (name !== undefined) assert.match(name, /^[\w.-]{1,253}$/);
    },
  ),
  text(
    "profiles",
    ['[default]\naws_access_key_id = A\naws_secret_access_key: b\n[profile "x"]\nAWS_SESSION_TOKEN=c'],
    (input) => {
      const profiles = new Profiles({ credentials: input, config: input });
      for (const name of ["default", "x", "__proto__", "constructor"]) {
        for (const key of Object.values(profiles.keys("config", name)))
          assert.ok(key === undefined || typeof key === "string");
        profiles.facts(name);
      }
    },
  ),
  text(
    "credential-source",
    ["webidentity:arn:aws:iam::1:role/a,b,/token", "ecs:/v2/x", "metadata:"],
    (input) => {
      const source = parseSource(input);
      if (source !== undefined) assert.equal(formatSource(source), input);
    },
  ),
  text(
    "state",
    [
      formatState({
        pid: 2,
        cmd: ["/usr/bin/stunnel", "x"],
        files: [`${STATE}/a`],
        mountpoint: "/mnt",
        mountStateDir: "a+",
        region: "us-east-1",
        privateKey: "/k",
        certificateCreationTime: "260101000000Z",
        keeper: { pid: 3, startTime: 4 },
        namespaces: { boot: "a", pid: 1, net: 2 },
        inheritsSocket: true,
      }),
    ],
    (input) => {
      const state = mayFail(() => parseState(input, BASE, STATE));
      if (state === undefined) return;
      assert.deepEqual(parseState(formatState(state), BASE, STATE), state);
      assert.equal(Object.getPrototypeOf(state), Object.prototype);
      assert.ok(state.pid === -1 || state.pid > 1);
      for (const path of [...state.files, state.certificate ?? `${STATE}/x`])
        assert.ok([STATE, "/run/efs"].some((directory) => posix.resolve(path).startsWith(`${directory}/`)));
      for (const { pid } of [state.keeper ?? { pid: 2 }, state.helper ?? { pid: 2 }]) assert.ok(pid > 1);
      const { networkNamespace, mountpoint, commonName } = state;
      noControlCharacters({ cmd: state.cmd, networkNamespace, mountpoint, commonName });
    },
  ),
  text("state-directory-names", [BASE, `~${BASE}`, `${BASE}+`, `stunnel-config.${BASE}`], (input) => {
    const entry = classifyEntry(input);
    if (entry.kind === "other") return;
    assertPort(entry.port);
    assert.ok(input.includes(entry.base));
  }),
  text(
    "saved-stunnel-config",
    [
      stunnelConfig(TUNNEL, PATHS, STUNNEL),
      "fips = no\npid=/x\n[efs]\nconnect = [::1]:2049\naccept = 127.0.0.1:20049\nretry = no",
    ],
    (input) => {
      const { text: fitted, changes } = fitConfig(input, "/own.pid", STUNNEL);
      assert.equal(savedSetting(fitted, "pid"), "/own.pid");
      assert.ok(fitted.length <= input.length + 11 * (changes.length + 1));
      assert.deepEqual(fitConfig(fitted, "/own.pid", STUNNEL).changes, []);
      const ports = [savedPort(input), savedTarget(input)?.port];
      for (const port of ports) if (port !== undefined) assertPort(port);
    },
    [["a = x", " ", "y"]],
  ),
  text(
    "proc-mountinfo",
    ["36 35 0:44 / /mnt/a\\040b rw - nfs4 127.0.0.1:/ rw,vers=4.1,port=20049,addr=127.0.0.1"],
    (input) => {
      for (const entry of parseMountInfo(input)) {
        assert.ok(Number.isSafeInteger(entry.id));
        const port = tunnelPort(entry);
        if (port !== undefined) assertPort(port);
      }
    },
  ),
  text(
    "proc-mountstats",
    [
      "device 127.0.0.1:/ mounted on /mnt with fstype nfs4 statvers=1.1\n\tage:\t4\n\tbytes:\t1 2 3 4 5 6 7 8\n\tper-op statistics\n\t        READ: 1 2 0 4 5 6 7 8 9\n",
    ],
    (input) => {
      const stats = parseMountStats(input);
      assert.ok(stats.length <= input.length);
      for (const { ageSeconds, bytesRead, operations } of stats) {
        for (const figure of [ageSeconds, bytesRead]) assert.ok(figure >= 0);
        for (const { count, retransmissions } of operations.values())
          assert.ok(count >= 0 && retransmissions >= 0);
      }
    },
  ),
  text(
    "proc-net-tcp",
    [
      "   0: 0100007F:4E51 0100007F:0801 01 00000000:00000000 00:00000000 00000000     0        0 12345 1",
      " 1: 0 00000000000000000000000001000000:0801 01 a b c 0 0 9",
    ],
    (input) => {
      for (const line of input.split("\n")) {
        const socket = parseSocket(line);
        const connection = socket && connectionOf(socket);
        if (connection === undefined) continue;
        assert.ok(isIP(connection.address) !== 0 && connection.port <= 65_535);
      }
    },
  ),
  text("proc-nfs-servers", ["NV SERVER   PORT USE HOSTNAME\nv4 7f000001 4e51 1 127.0.0.1\n"], (input) => {
    for (const port of parseNfsServers(input)) assertPort(port);
  }),
  text(
    "log",
    [
      "2026-01-01 00:00:00 UTC - INFO - Successfully mounted fs-1.efs.us-east-1.amazonaws.com at /mnt\n",
      "2026-01-01 00:00:00 +0130 - WARNING - tunnel of /mnt (port 20049): stunnel 1 ended, 2 has taken over (3 more of the kind went before)",
      '{"level":30,"time":1,"msg":"a"}',
      "2026.01.01 00:00:00 LOG5[1]: x\nkeeper: y",
    ],
    (input) => {
      for (const source of ["mount", "watchdog", "tunnel"] as const) {
        const entries = parseLog(input, source);
        for (const entry of entries) {
          const written = logLine(new Date(entry.time), entry.level, entry.message);
          assert.equal(written.indexOf("\n"), written.length - 1);
          isRoutine(entry);
          concerns(entry.message, { fsIds: new Set(["fs-1"]), mountPoints: new Set(["/mnt"]) });
        }
        lastMounts(entries);
        assert.ok(Number.isSafeInteger(countRestarts(entries, 20_049, 0)));
      }
    },
    [["2026-01-01 00:00:00 UTC - INFO - a", " ", "b"]],
  ),
  text("log-since", ["30m", "2026-01-01 00:00:00 +0100", "2026-01-01T10:00Z"], (input) => {
    const time = mayFail(() => parseSince(input, Date.UTC(2026)));
    if (time !== undefined) new Date(time).toISOString();
  }),
  text(
    "tunnel-log",
    [
      '2026.01.01 00:00:00 LOG6[0]: OCSP: Connecting the AIA responder "http://a"\n2026.01.01 00:00:00 LOG3[0]: SSL_connect: a: sslv3 alert bad certificate\n',
      "x LOG5[1]: Service [efs] accepted connection from a\nx LOG4[1]: CERT: Subject checks failed\nx LOG4[1]: Rejected by CERT at depth=0\n[!] bad\nConfiguration successful",
    ],
    (input) => {
      const reader = new VerdictReader();
      for (const line of input.split("\n")) reader.read(line);
      assert.deepEqual(reader.verdict, lastVerdict(input));
      assert.ok(!complaints(input).includes("\n"));
      reloadVerdict(input);
    },
    [["", "LOG6[0", ""]],
  ),
  text(
    "fstab",
    [
      `${FS_ID}:/ /mnt/a\\040b efs _netdev,tls 0 0\n# no\n${FS_ID} /m efs\nLABEL=x / ext4 defaults 0 1`,
      `${FS_ID} /m efs hrad,noatime,nofail`,
    ],
    (input) => {
      for (const line of efsLines(input)) {
        assert.ok(line.line >= 1 && line.fields.length >= 3);
        lineFindings(line);
      }
      const added = linesWithoutNetwork(input);
      for (const line of added)
        assert.ok(!line.includes("\n") && line.split(" ")[3]?.split(",").includes("_netdev"));
      assert.deepEqual(linesWithoutNetwork(added.join("\n")), []);
      assert.ok(added.join("\n").length <= input.length + 9 * added.length);
    },
    [
      ["fs-1 /m efs ", "zy", ""],
      ["fs-1 /m efs ", "noe,", ""],
    ],
  ),
  text(
    "instance-identity",
    ['{"instanceId":"i-1","region":"us-east-1","availabilityZone":"us-east-1a"}'],
    (input) => {
      noControlCharacters(parseInstanceIdentity(input) ?? {});
    },
  ),
  text(
    "encryption-at-rest",
    [formatAtRest({ fsId: FS_ID, region: REGION, keyId: "arn:x", checkedAt: 1 })],
    (input) => {
      const found = parseAtRest(input, FS_ID, REGION);
      if (found === undefined) return;
      assert.deepEqual(parseAtRest(formatAtRest(found), FS_ID, REGION), found);
      noControlCharacters(found);
      new Date(found.checkedAt).toISOString();
    },
  ),
  text(
    "key-policy",
    [
      '{"Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"kms:*","Condition":{"StringEquals":{"kms:ViaService":["elasticfilesystem.us-east-1.amazonaws.com"]},"StringNotLike":{"kms:ViaService":"*a*?*"}}}]}',
    ],
    (input) => {
      const via = "kms:viaservice";
      const context = new Map([[via, [`elasticfilesystem.us-east-1.amazonaws.com${"a".repeat(100)}`]]]);
      try {
        for (const statement of parseKeyPolicy(input)) {
          assert.equal(typeof statement.covers("kms:Decrypt"), "boolean");
          assert.ok([true, false, undefined].includes(applies(statement, context)));
          for (const operator of Object.keys(statement.conditions).filter((name) => name in Object.prototype))
            assert.equal(holds(operator, via, ["x"], context), undefined);
        }
      } catch (error) {
        if (!(error instanceof NoPolicy)) throw error;
      }
    },
  ),
  text(
    "role-credentials",
    [
      '{"Code":"Success","AccessKeyId":"ASIAX","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-01T00:00:00Z"}',
      '{"AccessKeyId":"A","SecretAccessKey":"s","Token":null}',
    ],
    (input) => assertKeys(parseKeys(input)),
  ),
  text(
    "sts-answer",
    [
      '{"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t"}}}}',
      '{"Error":{"Code":"ExpiredTokenException","Message":"x"}}',
    ],
    (input) => {
      const { keys, errorCode = "a" } = parseWebIdentityAnswer(input);
      assertKeys(keys);
      assert.match(errorCode, /^[A-Za-z.]+$/);
    },
  ),
  text(
    "efs-and-ec2-answers",
    [
      '{"MountTargets":[{"MountTargetId":"fsmt-1","IpAddress":"10.0.0.1","Ipv6Address":"fd00::1","LifeCycleState":"available","AvailabilityZoneName":"us-east-1a","AvailabilityZoneId":"use1-az1"}]}',
      '{"AvailabilityZones":[{"ZoneId":"use1-az1"}]}',
      '{"FileSystems":[{"FileSystemId":"fs-1","Name":"a b","Encrypted":true,"KmsKeyId":"arn:aws:kms:x","LifeCycleState":"available","SizeInBytes":{"Value":6144},"NumberOfMountTargets":1}]}',
    ],
    (input) => {
      const answer = parseJson(input);
      const targets = mountTargetsIn(answer);
      noControlCharacters(targets);
      for (const { addresses } of targets) for (const address of addresses) assert.notEqual(isIP(address), 0);
      const id = zoneIdIn(answer);
      noControlCharacters(id);
      const choice = chooseMountTarget(targets, { name: "us-east-1a", id, isRequired: true });
      if (choice.kind === "chosen") assert.ok(choice.target.isAvailable);
      noControlCharacters(fileSystemsIn(answer, REGION));
    },
  ),
  text(
    "proc-pid",
    [
      "Name:\tsh\nPPid:\t1\nUid:\t0\t0\t0\t0\n",
      "7 (a) b) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 123456 1 1",
      "/usr/bin/stunnel\0/run/efs/x\0",
    ],
    (input) => {
      const parent = parentIn(input) ?? 0;
      assert.ok(Number.isSafeInteger(parent) && parent >= 0);
      // a name cannot hold a line end, nor what comes before the uids
      if (isRootsStatus(`Name:\t${input.replaceAll("\n", "")}\nUid:\t1000\t0\t0\t0\n`)) assert.fail(input);
      const stat = parseStat(`7 (${input}) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 123456 1 1`);
      assert.deepEqual(stat, { parent: 1, startTime: 123_456 });
      parseStat(input);
      assert.equal(`${parseArguments(input).join("\0")}${input.endsWith("\0") ? "\0" : ""}`, input);
    },
  ),
  text(
    "secrets-of-a-line",
    ["Authorization: AWS4-HMAC-SHA256 a", "password=b,user=c", "https://u:p@h/x"],
    (input) => {
      const planted = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12";
      const line = input.replace(/[\r\n]/g, " ");
      assert.ok(!redacted(`${line} aws_secret_access_key = ${planted}`).includes(planted));
      assert.ok(!redacted(`${line} AKIAIOSFODNN7EXAMPLE`).includes("AKIAIOSFODNN7EXAMPLE"));
    },
  ),
  {
    name: "nfs-null-reply",
    seeds: [
      "\x80\0\0\x18\0\0\0\x07\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
      "\0\0\0\x04\0\0\0\x07\x80\0\0\x08\0\0\0\x01\0\0\0\0",
    ],
    run(input) {
      const verdict = readReply(input, 7);
      const more = readReply(Buffer.concat([input, Buffer.alloc(8)]), 7);
      if (verdict !== "incomplete") assert.equal(more, verdict);
    },
  },
  text(
    "stunnel-help",
    [
      "stunnel 5.75 on x86_64\nThreading:PTHREAD Sockets:POLL,IPv6,SYSTEMD TLS:ENGINE\nforeground = yes|quiet|no\naccept  = [host:]port\ncheckHost = x\n",
    ],
    (input) => {
      const { options, version } = parseCapabilities(input);
      for (const option of options) assert.match(option, /^[A-Za-z]\w*$/);
      if (version !== undefined) assert.match(version, /^\d+\.\d+$/);
    },
  ),
];

function text(
  name: string,
  seeds: readonly string[],
  check: (input: string) => void,
  long: Target["long"] = [],
): Target {
  return {
    name,
    seeds,
    long,
    run(input) {
      const known = Object.getOwnPropertyNames(Object.prototype).length;
      check(input.toString("utf8"));
      assert.equal(Object.getOwnPropertyNames(Object.prototype).length, known);
    },
  };
}

/** A refusal in words for the user is a result; any other error is a defect. */
function mayFail<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof EfsError) || error.kind === "bug") throw error;
    noControlCharacters([error.message, error.hint]);
    return undefined;
  }
}

function parseJson(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return undefined;
  }
}

function assertKeys(keys: Credentials | undefined): void {
  for (const value of Object.values(keys ?? {}))
    if (value !== undefined) assert.match(value, /^[\x21-\x7e]+$/);
}

function noControlCharacters(value: unknown): void {
  if (typeof value === "string") assert.ok(!hasControlCharacter(value), JSON.stringify(value));
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(noControlCharacters);
}

function assertPort(port: number): void {
  assert.ok(Number.isInteger(port) && port >= 1 && port <= 65_535, String(port));
}

/** Nothing that a user writes adds a line to stunnel's configuration. */
function assertStunnelConfig(tunnel: Parameters<typeof stunnelConfig>[0]): void {
  const config = mayFail(() => stunnelConfig(tunnel, PATHS, STUNNEL));
  if (config === undefined) return;
  for (const line of config.trimEnd().split("\n")) {
    assert.match(line, /^(\[efs\]|\w+ = \S(.*\S)?)$/s);
    noControlCharacters(line);
  }
}
