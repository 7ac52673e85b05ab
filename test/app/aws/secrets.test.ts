import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Credentials } from "../../../src/core/identity/connect-signature.ts";
import type { TunnelState } from "../../../src/core/state/state.ts";
import { extensions, show } from "../../core/certificate/der.ts";
import { ECS_AGENT, ecsAgent, POD_AGENT, podAgent } from "../../fakes/agents.ts";
import { efsApi, efsError } from "../../fakes/efs-api.ts";
import { keysAsJson, profileText, SECRET_MARK, sessionKeys, TOKEN_MARK, userKeys } from "../../fakes/keys.ts";
import { type Ended, MACHINE_NAMESPACES, Machine } from "../../fakes/machine.ts";
import { addAddresses, inNamespaces } from "../../fakes/namespaces.ts";
import { sts, stsError } from "../../fakes/sts.ts";

const [SERVER, FS] = ["127.0.0.5", "fs-11"];
const NAME = `${FS}.efs.us-east-1.amazonaws.com`;
const ROLE = "arn:aws:iam::123456789012:role/role";
const STATES = "/run/efs";
const JWT = `${TOKEN_MARK}.jwt`;
const POD_TOKEN = `${TOKEN_MARK}.pod`;

const DEFAULT = sessionKeys("default");
const BASE = userKeys("base");
const BY_SOURCE = {
  assumed: sessionKeys("assumed"),
  task: sessionKeys("task"),
  pod: sessionKeys("pod"),
  web: sessionKeys("web"),
};

const CONFIG = `[DEFAULT]
logging_level = DEBUG
[mount]
region = us-east-1
stunnel_check_cert_validity = false
stunnel_debug_enabled = true
`;

const cleanUps: (() => unknown)[] = [];
const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
const outputs: string[] = [];
let machine: Machine;
let environment: Record<string, string>;

/** Every file below a directory, as far as it can be read. */
function contents(directory: string): [path: string, text: string][] {
  return readdirSync(directory, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, "latin1")]);
}

/** What processes show of themselves, but this one. */
function processes(): [path: string, text: string][] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => ["cmdline", "environ"].map((file) => `/proc/${pid}/${file}`))
    .map((path) => [path, readFileSync(path, "latin1")]);
}

/** Everything that mounts wrote, said, and showed of themselves and of their children. */
function traces(): [where: string, text: string][] {
  const seen = contents(join(machine.folder, "seen"));
  const files = ["/run", "/var/log", "/etc/amazon"].flatMap(contents);
  return [...files, ...seen, ...processes(), ...outputs.map((text): [string, string] => ["output", text])];
}

async function mount(name: string, options: string, more: Record<string, string> = {}): Promise<Ended> {
  const args = [`${FS}:/`, machine.mountPoint(name), "-v", "-o", options];
  const ended = await machine.mount(args, { ...environment, ...more });
  outputs.push(ended.stdout, ended.stderr);
  return ended;
}

/** The state that a mount left. */
function stateOf(name: string): TunnelState {
  const file = readdirSync(STATES).find(
    (entry) => entry.startsWith(FS) && entry.includes(`.mnt.${name}.`) && !entry.endsWith("+"),
  );
  assert.ok(file !== undefined, `${name}: ${readdirSync(STATES).join(" ")}`);
  return JSON.parse(readFileSync(join(STATES, file), "utf8")) as TunnelState;
}

/** The extension that says whose identity a certificate has. */
function identityIn(certificate: X509Certificate): string {
  const CLIENT_AUTH = "2b06010401a56b0702";
  const found = extensions(certificate.raw).find(([oid]) => oid === CLIENT_AUTH);
  return found === undefined ? "nobody" : show(found[1]);
}

await inNamespaces(MACHINE_NAMESPACES, () => {
  before(async () => {
    machine = new Machine(group);
    addAddresses(...[ECS_AGENT, POD_AGENT].map(({ host }) => `${host}/32`));
    machine.configure(CONFIG);
    machine.names({ [NAME]: SERVER });
    await machine.serve(SERVER, NAME);
    const built = machine.build("aws-referred", "aws-efs");
    mkdirSync("/media/root/.aws");
    writeFileSync(
      "/media/root/.aws/credentials",
      profileText("default", DEFAULT) + profileText("base", BASE),
    );
    writeFileSync(
      "/media/root/.aws/config",
      `[profile role]\nrole_arn = ${ROLE}\nsource_profile = base\n[profile denied]\nrole_arn = ${ROLE}-denied\nsource_profile = base\n[profile program]\ncredential_process = sh -c "echo ${SECRET_MARK}; echo ${SECRET_MARK} >&2; exit 1"\n`,
    );
    writeFileSync("/media/root/jwt", JWT);
    writeFileSync("/media/root/pod", POD_TOKEN);
    const canonical = `It does not match.\n\nThe Canonical String was\nx-amz-security-token:${TOKEN_MARK}`;
    const { url } = await sts(group, {
      [ROLE]: { trusts: BASE.accessKeyId, keys: BY_SOURCE.assumed },
      [`${ROLE}-web`]: { trusts: JWT, keys: BY_SOURCE.web },
      [`${ROLE}-denied`]: stsError({ headers: {} }, 403, "SignatureDoesNotMatch", canonical),
    });
    await ecsAgent(group, {
      "/task": BY_SOURCE.task,
      "/garbage": { body: keysAsJson(BY_SOURCE.task).slice(0, -20) },
      "/invalid": { body: keysAsJson({ ...BY_SOURCE.task, accessKeyId: "no key" }) },
      "/error": { status: 500, body: keysAsJson(BY_SOURCE.task) },
    });
    await podAgent(group, new Map([[POD_TOKEN, BY_SOURCE.pod]]));
    const efs = await efsApi(group, new Map([[FS, efsError(403, "InvalidSignatureException", canonical)]]));
    environment = {
      AWS_ENDPOINT_URL_STS: url,
      AWS_ENDPOINT_URL_EFS: efs.url,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ACCESS_KEY_ID: "AKIAENVIRONMENT",
      AWS_SECRET_ACCESS_KEY: `${SECRET_MARK}/environment`,
      AWS_SESSION_TOKEN: `${TOKEN_MARK}/environment`,
    };
    await built;
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  const POD = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${POD_AGENT.host}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/media/root/pod",
    AWS_SHARED_CREDENTIALS_FILE: "/media/root/none",
  };
  const MOUNTED: [
    name: string,
    options: string,
    keys: Credentials,
    recorded: string,
    more?: Record<string, string>,
  ][] = [
    ["keys", "tls,iam", DEFAULT, "credentials:default"],
    ["role", "tls,iam,awsprofile=role", BY_SOURCE.assumed, "named_profile:role"],
    ["task", "tls,iam,awscredsuri=/task", BY_SOURCE.task, "ecs:/task"],
    [
      "pod",
      "tls,iam",
      BY_SOURCE.pod,
      `podidentity:${POD.AWS_CONTAINER_CREDENTIALS_FULL_URI},/media/root/pod`,
      POD,
    ],
    [
      "web",
      `tls,iam,rolearn=${ROLE}-web,jwtpath=/media/root/jwt`,
      BY_SOURCE.web,
      `webidentity:${ROLE}-web,/media/root/jwt`,
      { AWS_SHARED_CREDENTIALS_FILE: "/media/root/none" },
    ],
  ];
  for (const [name, options, keys, recorded, more] of MOUNTED) {
    test(`the server sees whose keys were found, and the state where: ${name}`, async () => {
      const { status, stderr } = await mount(name, options, more);
      assert.equal(status, 0, stderr);
      assert.equal(stateOf(name).awsCredentialsMethod, recorded);
      const byKey = (seen: X509Certificate) => identityIn(seen).startsWith(`{UTF8 ${keys.accessKeyId}, `);
      const identity = identityIn(await machine.presented(byKey));
      const end = `, [0] UTF8 ${keys.sessionToken}}`;
      assert.match(identity.slice(0, -end.length), /^\{UTF8 ASIA[A-Z]+, OCTETS [0-9a-f]{64}, TIME \d{12}Z$/);
      assert.ok(identity.endsWith(end), identity);
    });
  }

  const REFUSED: [name: string, options: string, more?: Record<string, string>][] = [
    ["a role that is denied", "tls,iam,awsprofile=denied"],
    ["a program that fails", "tls,iam,awsprofile=program"],
    ["garbage", "tls,iam,awscredsuri=/garbage"],
    ["keys that are none", "tls,iam,awscredsuri=/invalid"],
    ["an error", "tls,iam,awscredsuri=/error"],
    [
      "a token that is refused",
      `tls,iam,rolearn=${ROLE},jwtpath=/media/root/jwt`,
      { AWS_SHARED_CREDENTIALS_FILE: "/media/root/none" },
    ],
  ];
  for (const [name, options, more] of REFUSED) {
    test(`nothing is mounted, and one line says why: ${name}`, async () => {
      const { status, stderr } = await mount("refused", options, more);
      assert.equal(status, 1, stderr);
      assert.match(stderr, /^mount\.efs: iam needs AWS credentials, and there are none \(.+\); .+\n$/m);
    });
  }

  test("a fallback that is refused says why in one line", async () => {
    const other = `${FS}.efs.us-west-2.amazonaws.com`;
    const { status, stderr } = await mount("fallback", "tls,region=us-west-2");
    assert.equal(status, 32, stderr);
    assert.match(
      stderr,
      new RegExp(`^mount\\.efs: the name ${other} does not resolve, and the EFS API .+\n$`, "m"),
    );
  });

  test("afterwards no secret and no token is anywhere but in the certificates that needed the token", () => {
    const found = traces();
    for (const [where, text] of found) {
      for (const mark of [SECRET_MARK, TOKEN_MARK]) assert.ok(!text.includes(mark), `${where} holds ${mark}`);
    }
    const certificates = found.filter(([where]) => where.endsWith("/certificate.pem"));
    assert.equal(certificates.length, MOUNTED.length);
    for (const [where, text] of certificates) {
      const der = Buffer.from(text.replaceAll(/-----.*/g, ""), "base64").toString("latin1");
      assert.ok(der.includes(TOKEN_MARK), where);
      assert.ok(!der.includes(SECRET_MARK), `${where} holds ${SECRET_MARK}`);
    }
    const wheres = found.map(([where]) => where).join("\n");
    for (const expected of [
      "/run/efs/",
      "/var/log/amazon/efs/mount.log",
      ".stunnel.log",
      "/seen/",
      ".environ",
      "/etc/amazon/efs/privateKey.pem",
    ])
      assert.ok(wheres.includes(expected), `${expected} was not looked at`);
    assert.ok(
      found.some(([, text]) => text.includes("stunnel-config.")),
      "stunnel's command line was not seen",
    );
  });
});
