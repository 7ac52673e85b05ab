import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { temporaryDirectory } from "../../support/authority.ts";
import { Child } from "../../support/children.ts";
import type { Answer, Case } from "../../support/resolve-targets.ts";

const ID = "fs-0123456789abcdef0";
const nameIn = (region: string, suffix = "amazonaws.com") => `${ID}.efs.${region}.${suffix}`;
const NAME = nameIn("us-east-1");
const [V4, V6] = ["127.0.0.5", "fd00::5"];

/** Names of a network of the test's own, where nothing else resolves. */
const HOSTS = [
  "127.0.0.1 localhost",
  `${V4} ${NAME} alias.example`,
  `${V4} us-east-1a.${NAME}`,
  `${V4} use1-az1.${NAME}`,
  `${V4} ${nameIn("us-west-2")}`,
  `${V4} ${nameIn("cn-north-1", "amazonaws.com.cn")}`,
  `${V4} ${ID}.files.example`,
  "127.0.0.6 elsewhere.example",
  `${V6} ${nameIn("eu-west-1")}`,
  `127.0.0.7 ${nameIn("eu-west-1")}`,
].join("\n");

const SCRIPT = `
  ip link set lo up && ip address add ${V6}/128 dev lo nodad
  mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/resolv.conf" /etc/resolv.conf || exit
  shift; exec "$@"`;

const cleanUps: (() => unknown)[] = [];
let resolver: Child;

before(() => {
  const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  const directory = temporaryDirectory(group, "names");
  writeFileSync(join(directory, "hosts"), `${HOSTS}\n`);
  // nobody is there, which is found out at once
  writeFileSync(join(directory, "resolv.conf"), "nameserver 127.0.0.1\n");
  const program = [
    process.execPath,
    "--import",
    "tsx",
    new URL("../../support/resolve-targets.ts", import.meta.url).pathname,
  ];
  resolver = new Child(group, "unshare", ["-mn", "/bin/sh", "-c", SCRIPT, "name", directory, ...program]);
});
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

interface Given {
  readonly device?: string;
  readonly options?: string;
  readonly environment?: Record<string, string>;
  /** Lines of [mount]. */
  readonly config?: string;
  readonly listening?: string[];
}

async function resolve({ device = ID, options = "", environment = {}, config = "", listening = [] }: Given) {
  const wanted: Case = {
    argv: [device, "/mnt/efs", "-o", options],
    environment: { AWS_EC2_METADATA_DISABLED: "true", ...environment },
    config: `[mount]\nfall_back_to_mount_target_ip_address_enabled = false\n${config}`,
    listening,
  };
  resolver.say(JSON.stringify(wanted));
  return JSON.parse(await resolver.line()) as Answer;
}

const at = (name: string, region: string, certificate = name) => ({ name, certificate, region });
const US_EAST = at(NAME, "us-east-1");
const ZONED = "{az}.{fs_id}.efs.{region}.{dns_name_suffix}";

const FOUND: [what: string, given: Given, answer: Answer][] = [
  ["an id in the region of the option", { options: "region=us-east-1" }, US_EAST],
  ["an id in the region of the environment", { environment: { AWS_REGION: "us-east-1" } }, US_EAST],
  ["an id in the region of the configuration", { config: "region = us-east-1" }, US_EAST],
  [
    "the option before the environment before the configuration",
    { options: "region=us-west-2", environment: { AWS_REGION: "us-east-1" }, config: "region = eu-west-1" },
    at(nameIn("us-west-2"), "us-west-2"),
  ],
  [
    "a region that an old dns_name_format spells out",
    { config: "dns_name_format = {fs_id}.efs.us-west-2.amazonaws.com" },
    at(nameIn("us-west-2"), "us-west-2"),
  ],
  ["a host name, whose region counts where no other is known", { device: `${NAME}:/data` }, US_EAST],
  ["a host name with a dot at its end", { device: `${NAME}.` }, US_EAST],
  ["an alias of a host name", { device: "alias.example:/", options: "region=us-east-1" }, US_EAST],
  [
    "a zone by option, which the certificate's name lacks",
    { options: "region=us-east-1,az=us-east-1a" },
    at(`us-east-1a.${NAME}`, "us-east-1", NAME),
  ],
  ["a host name with a zone", { device: `us-east-1a.${NAME}` }, at(`us-east-1a.${NAME}`, "us-east-1", NAME)],
  [
    "a zone id of another account by option",
    { options: "region=us-east-1,crossaccount,azid=use1-az1" },
    at(`use1-az1.${NAME}`, "us-east-1", NAME),
  ],
  [
    "a zone id of another account by configuration",
    { options: "region=us-east-1,crossaccount", config: "az_id = use1-az1" },
    at(`use1-az1.${NAME}`, "us-east-1", NAME),
  ],
  [
    "a region with a suffix of its own",
    { options: "region=cn-north-1" },
    at(nameIn("cn-north-1", "amazonaws.com.cn"), "cn-north-1"),
  ],
  [
    "a name of the administrator's own",
    { options: "region=us-east-1", config: "dns_name_format = {fs_id}.files.example" },
    at(`${ID}.files.example`, "us-east-1"),
  ],
  [
    "a name that a region's section builds",
    { options: "region=us-east-1", config: "[mount.us-east-1]\ndns_name_format = {fs_id}.files.example" },
    at(`${ID}.files.example`, "us-east-1"),
  ],
  [
    "an address that is given and answers",
    { options: "region=us-east-1,mounttargetip=127.0.0.8", listening: ["127.0.0.8"] },
    { ...US_EAST, address: "127.0.0.8" },
  ],
  [
    "an IPv6 address that is given and answers",
    { options: `region=us-east-1,mounttargetip=${V6}`, listening: [V6] },
    { ...US_EAST, address: V6 },
  ],
  [
    "a name that need not resolve, as the address is given",
    { options: "region=sa-east-1,mounttargetip=127.0.0.8", listening: ["127.0.0.8"] },
    { ...at(nameIn("sa-east-1"), "sa-east-1"), address: "127.0.0.8" },
  ],
];
for (const [what, given, answer] of FOUND) {
  test(`found: ${what}`, async () => assert.deepEqual(await resolve(given), answer));
}

test("of addresses of both families the one that answers is used", async () => {
  const given = { options: "region=eu-west-1" };
  const found = async (listening: string[]) => {
    const answer = await resolve({ ...given, listening });
    assert.ok("name" in answer, JSON.stringify(answer));
    return answer.address;
  };
  const alone = [await found([V6]), await found(["127.0.0.7"])];
  // the name itself leads to the one that is first
  assert.deepEqual(alone.filter((address) => address !== undefined).length, 1, String(alone));
  assert.equal(await found([V6, "127.0.0.7"]), undefined);
  assert.equal(await found([]), undefined);
});

const REFUSED: [what: string, given: Given, kind: string, ...says: RegExp[]][] = [
  ["an id without a region", {}, "config", /region .* is not known/, /-o region=NAME/, /AWS_REGION/],
  ["a region that is none", { environment: { AWS_REGION: "x" } }, "config", /AWS_REGION is "x"/],
  [
    "a name that does not resolve",
    { options: "region=ap-south-1" },
    "mount",
    /the name fs-0123456789abcdef0\.efs\.ap-south-1\.amazonaws\.com does not resolve/,
    /mounttargetip=IP/,
  ],
  [
    "an alias that does not resolve",
    { device: "nowhere.example:/" },
    "mount",
    /"nowhere\.example" does not resolve/,
  ],
  [
    "an alias of something else",
    { device: "elsewhere.example" },
    "mount",
    /elsewhere\.example.* no EFS name/,
  ],
  [
    "a host name of another region than the one asked for",
    { device: nameIn("us-west-2"), options: "region=us-east-1" },
    "config",
    /"fs-0123456789abcdef0\.efs\.us-west-2\.amazonaws\.com" is not the file system's name here/,
    /-o region=NAME/,
  ],
  [
    "a host name of another zone than the one asked for",
    { device: `us-east-1a.${NAME}`, options: "az=us-east-1b" },
    "usage",
    /zone us-east-1a, but the option az=us-east-1b/,
  ],
  [
    "another account's file system without a zone id",
    { options: "region=us-east-1,crossaccount" },
    "config",
    /availability zone, which is not known/,
    /-o azid=ID/,
  ],
  [
    "an address that does not answer",
    { options: "region=us-east-1,mounttargetip=127.0.0.9" },
    "mount",
    /127\.0\.0\.9 does not accept connections on port 2049/,
    /security group/,
  ],
  [
    "a format that needs a zone",
    { options: "region=us-east-1", config: `dns_name_format = x.${ZONED}` },
    "config",
    /needs a zone/,
  ],
];
for (const [what, given, kind, ...says] of REFUSED) {
  test(`refused: ${what}`, async () => {
    const answer = await resolve(given);
    assert.ok("kind" in answer, JSON.stringify(answer));
    assert.equal(answer.kind, kind, answer.says);
    for (const part of says) assert.match(answer.says, part);
  });
}
