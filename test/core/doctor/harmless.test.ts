import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  harmlessConfig,
  harmlessFstab,
  harmlessLog,
  harmlessMounts,
  harmlessReport,
  harmlessSockets,
  harmlessState,
  harmlessStats,
  harmlessStunnelConfig,
} from "../../../src/core/doctor/harmless.ts";
import { logLine } from "../../../src/core/log-line.ts";
import { parseMountInfo } from "../../../src/core/nfs/mount-table.ts";

const NAME = "fs-01234567.mnt.20049";
const DIRECTORY = "/run/efs";
const MOUNT = "36 25 0:33 / /mnt rw - nfs4 127.0.0.1:/ rw,vers=4.1,port=20049,addr=127.0.0.1";

const said = (message: string) => logLine(new Date(), "ERROR", message);
const log = (text: string) => harmlessLog(text, "mount");
const mounts = (line: string) => harmlessMounts(parseMountInfo(`${MOUNT}\n${line}`));
const state = (more: string) => harmlessState(`{"pid":7,"cmd":[],"files":[],${more}}`, NAME, DIRECTORY);
const stats = (text: string) => harmlessStats(text, parseMountInfo(MOUNT));

/** What no bundle may hold: each secret is, or has in it, the word or key behind its text. */
const KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SECRETS: readonly [what: string, harmless: (text: string) => string, text: string, secret: string][] = [
  ["cifs password in fstab", harmlessFstab, "//nas/x /x cifs username=bob,password=hunter2 0 0", "hunter2"],
  ["cifs user in fstab", harmlessFstab, "//nas/x /x cifs username=bobby,password=y 0 0", "bobby"],
  [
    "cifs credentials file in fstab",
    harmlessFstab,
    "//nas/x /x cifs credentials=/root/.smbcred 0 0",
    "smbcred",
  ],
  [
    "sshfs identity in fstab",
    harmlessFstab,
    "carol@host:/ /s fuse.sshfs IdentityFile=/root/id_x 0 0",
    "carol",
  ],
  ["davfs URL in fstab", harmlessFstab, "https://dave:pa55@dav.example/ /d davfs rw 0 0", "pa55"],
  [
    "s3fs password file in fstab",
    harmlessFstab,
    "bucket /s fuse.s3fs passwd_file=/etc/pw-s3fs 0 0",
    "pw-s3fs",
  ],
  ["curlftpfs URL in fstab", harmlessFstab, "curlftpfs#eve:swordfish@ftp /f fuse rw 0 0", "swordfish"],
  ["a comment of fstab", harmlessFstab, "# old password was letmein", "letmein"],
  [
    "an unknown option of an EFS line",
    harmlessFstab,
    "fs-01234567:/ /m efs tls,pass=opensesame 0 0",
    "opensesame",
  ],
  [
    "awscredsuri of an EFS line",
    harmlessFstab,
    "fs-01234567:/ /m efs awscredsuri=/v2/credentials/u-u-1 0 0",
    "u-u-1",
  ],
  ["a URL as an EFS device", harmlessFstab, "https://u:pw9@x/ /m efs tls 0 0", "pw9"],
  ["a value with a user in an EFS line", harmlessFstab, "fs-01234567:/ /m efs az=http://u:pw8@x/ 0 0", "pw8"],
  ["an unknown key of the configuration", harmlessConfig, "[mount]\nproxy_password = tiger\n", "tiger"],
  ["an unknown section of the configuration", harmlessConfig, "[s3]\nsecret = scott\n", "scott"],
  [
    "a proxy in a known key",
    harmlessConfig,
    "[mount]\ndns_name_suffix = http://u:leopard@p:3128\n",
    "leopard",
  ],
  ["a comment of the configuration", harmlessConfig, "[mount]\n# token gazelle\nregion = x\n", "gazelle"],
  ["a broken line of the configuration", harmlessConfig, "[mount]\nmy password is zebra\n", "zebra"],
  ["a line in a log that is nobody's", log, "Password for root: hyena\n", "hyena"],
  ["PEM in a log", log, `${said("x")}-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n`, "MIIEow"],
  [
    "Authorization in a log",
    log,
    said("sent Authorization: AWS4-HMAC-SHA256 Credential=AKIDX/2026, Signature=fe5f80"),
    "fe5f80",
  ],
  ["a Bearer token in a log", log, said("sent authorization: Bearer abc.def"), "abc.def"],
  ["Basic credentials in a log", log, said("Proxy-Authorization: Basic dXNlcjpwYXNz"), "dXNlcjpwYXNz"],
  ["X-Amz-Security-Token in a log", log, said("X-Amz-Security-Token: IQoJb3JpZ2luX2Vj"), "IQoJ"],
  ["X-aws-ec2-metadata-token in a log", log, said("X-aws-ec2-metadata-token: AQAEAJlt"), "AQAEAJlt"],
  [
    "a presigned URL in a log",
    log,
    said("GET https://b.s3.amazonaws.com/k?X-Amz-Signature=d00d&X-Amz-Credential=c"),
    "d00d",
  ],
  ["a proxy with a user in a log", log, said("proxy http://eve:panther@proxy:3128 refused"), "panther"],
  ["a proxy whose password has an at", log, said("proxy http://eve:pan@ther@proxy:3128/ refused"), "pan@"],
  ["an access key id in a log", log, said("key AKIAIOSFODNN7EXAMPLE is not valid"), "IOSFODNN7"],
  ["a secret key without a name in a log", log, said(`cannot use x=${KEY}`), KEY],
  ["a task's credentials path in a log", log, said("GET /v2/credentials/0f1e2d3c failed"), "0f1e2d3c"],
  [
    "a session token in JSON lines",
    log,
    `{"level":30,"time":1,"msg":"aws_session_token=FwoGZXIv","pw":"lynx"}\n`,
    "FwoGZX",
  ],
  ["another field of JSON lines", log, `{"level":30,"time":1,"msg":"x","pw":"lynx"}\n`, "lynx"],
  [
    "a pod's credentials URL in a state",
    state,
    '"awsCredentialsMethod":"podidentity:http://169.254.170.23/k3y,/run/k3y"',
    "k3y",
  ],
  ["an unknown key of a state", state, '"note":"ocelot"', "ocelot"],
  ["a state that is none", (text) => harmlessState(text, NAME, DIRECTORY), "password=puma", "puma"],
  ["an unknown option of stunnel", harmlessStunnelConfig, "[efs]\nprotocolPassword = cougar\n", "cougar"],
  [
    "a proxy's user in stunnel's configuration",
    harmlessStunnelConfig,
    "connect = u:jaguar@p:3128\n",
    "jaguar",
  ],
  ["a PSK beside stunnel's options", harmlessStunnelConfig, "identity:5up3rs3cr3t\n", "5up3r"],
  [
    "another file system in the mount table",
    mounts,
    "40 25 0:9 / /x rw - cifs //u:pw7@nas/x rw,username=u,password=pw7",
    "pw7",
  ],
  ["an sshfs mount in the mount table", mounts, "40 25 0:9 / /x rw - fuse.sshfs frank@h:/ rw", "frank"],
  [
    "another NFS server in the mount table",
    mounts,
    "40 25 0:9 / /x rw - nfs4 secrethost:/payroll rw,addr=10.1.1.1",
    "payroll",
  ],
  [
    "another file system in mountstats",
    stats,
    "device //u:pw6@nas/x mounted on /x with fstype cifs\n",
    "pw6",
  ],
  [
    "what mountstats has beside counts",
    stats,
    "device 127.0.0.1:/ mounted on /mnt with fstype nfs4 statvers=1.1\n\topts:\tpw=pw5\n",
    "pw5",
  ],
  ["what a finding quotes", harmlessReport, 'line 3: "my password is bison" is neither', "bison"],
  ["a proxy in a finding", harmlessReport, "HTTPS_PROXY is https://u:gnu@p:3128/", "gnu@"],
];

describe("a support bundle does not take", () => {
  for (const [what, harmless, text, secret] of SECRETS) {
    test(what, () => {
      const taken = harmless(text);
      assert.ok(!taken.includes(secret), taken);
    });
  }
});

describe("a support bundle takes", () => {
  const cases: [what: string, taken: string, expected: RegExp][] = [
    [
      "lines of fstab for EFS",
      harmlessFstab("\nfs-01234567:/a /mnt/a efs _netdev,tls,az=us-east-1a 0 0"),
      /^# line 2\nfs-01234567:\/a \/mnt\/a efs _netdev,tls,az=us-east-1a 0 0$/m,
    ],
    [
      "settings",
      harmlessConfig("[mount]\nregion = us-east-1\n[cloudwatch-log]\nlog_group_name = /aws/efs/utils\n"),
      /\[mount\]\nregion = us-east-1\n\n\[cloudwatch-log\]\nlog_group_name = \/aws\/efs\/utils/,
    ],
    [
      "what the log says",
      log(said("Successfully mounted fs-01234567.efs.us-east-1.amazonaws.com at /mnt")),
      / - ERROR - Successfully mounted fs-01234567\.efs\.us-east-1\.amazonaws\.com at \/mnt/,
    ],
    [
      "what stunnel says",
      harmlessLog("2026.11.25 10:00:00 LOG3[0]: s_connect: Connection refused\n", "tunnel"),
      /ERROR - s_connect: Connection refused/,
    ],
    ["how many lines it left out", log("x\ny\n"), /# left out: 2/],
    [
      "a tunnel's state",
      state('"mountpoint":"/mnt","awsCredentialsMethod":"metadata:"'),
      /"mountpoint": "\/mnt",\n\s*"credentials": "the role of this instance"/,
    ],
    [
      "stunnel's options",
      harmlessStunnelConfig(
        "socket = l:SO_REUSEADDR=yes\n[efs]\nconnect = fs-01234567.efs.x.amazonaws.com:2049\n",
      ),
      /socket = l:SO_REUSEADDR=yes\n\[efs\]\nconnect = fs-01234567\.efs\.x\.amazonaws\.com:2049/,
    ],
    [
      "mounts of EFS",
      mounts(""),
      /^36 0:33 \/mnt nfs4 127\.0\.0\.1:\/ rw,vers=4\.1,port=20049,addr=127\.0\.0\.1$/m,
    ],
    [
      "counts of mounts",
      stats(
        "device 127.0.0.1:/ mounted on /mnt with fstype nfs4 statvers=1.1\n\tage:\t5\n\tREAD: 1 1 0 3 4 0 2 2\n",
      ),
      /mounted on \/mnt\n\tage:\t5\n\tREAD: 1 1 0 3 4 0 2 2/,
    ],
    [
      "sockets of a port",
      harmlessSockets(
        "   0: 0100007F:4E51 0100007F:03E7 01 00000000:00000000 00:00000000 00000000     0        0 9 1",
        new Set([20_049]),
      ),
      /^0 01 0100007F:20049 0100007F:999$/m,
    ],
  ];
  for (const [what, taken, expected] of cases) test(what, () => assert.match(taken, expected));
});
