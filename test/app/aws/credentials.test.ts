import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import {
  type CredentialContext,
  fetchCredentials,
  findCredentials,
} from "../../../src/app/aws/credentials.ts";
import { EfsError, oneLine } from "../../../src/core/errors.ts";
import type { Credentials } from "../../../src/core/identity/connect-signature.ts";
import { formatSource, parseSource } from "../../../src/core/identity/source.ts";
import { parseRegion } from "../../../src/core/ids.ts";
import type { IamRequest } from "../../../src/core/request/request.ts";
import { Metadata } from "../../../src/system/metadata.ts";
import { findProcesses } from "../../../src/system/procfs.ts";
import { endWithin } from "../../../src/system/signals.ts";
import { ECS_AGENT, ecsAgent, POD_AGENT, podAgent } from "../../fakes/agents.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { hurry } from "../../fakes/hurry.ts";
import { instanceMetadata, METADATA_SERVICE } from "../../fakes/instance.ts";
import { keysAsJson, profileText, SECRET_MARK, sessionKeys, TOKEN_MARK, userKeys } from "../../fakes/keys.ts";
import { addAddresses, inNamespaces } from "../../fakes/namespaces.ts";
import { type Answer, ENDLESS, HANGS_UP, SILENT, service, UNENDING } from "../../fakes/service.ts";
import { type Role, sts, stsError } from "../../fakes/sts.ts";
import { temporaryDirectory } from "../../support/authority.ts";

const NOTHING: IamRequest = { profile: undefined, credentialsUri: undefined, webIdentity: undefined };
const KEYS = sessionKeys("session");
const USER = userKeys("user");

interface Given {
  readonly request?: Partial<IamRequest>;
  /** Beside what AWS's own names are without. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The text of files in ~/.aws. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Makes this machine one with just what is given, until the test ends. */
function machine(t: TestContext, { environment: named = {}, files = {} }: Given): CredentialContext {
  const home = temporaryDirectory(t, "home");
  mkdirSync(join(home, ".aws"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, ".aws", name), text);
  const environment = { HOME: home, ...named };
  setEnvironment(t, environment);
  const region = parseRegion("us-east-1");
  assert.ok(region !== undefined);
  const metadata = new Metadata({ disableToken: false, environment });
  return { environment, region, metadata };
}

/** The keys that are found, and the source that is recorded; from which the same keys come again. */
async function find(t: TestContext, given: Given): Promise<{ source: string; credentials: Credentials }> {
  const context = machine(t, given);
  const { source, credentials } = await findCredentials({ ...NOTHING, ...given.request }, context);
  const recorded = formatSource(source);
  const again = parseSource(recorded);
  assert.ok(again !== undefined, recorded);
  assert.deepEqual(await fetchCredentials(again, context), credentials);
  assert.ok(!recorded.includes(SECRET_MARK) && !recorded.includes(TOKEN_MARK), recorded);
  return { source: recorded, credentials };
}

/** What the user reads where there are no keys. */
async function refused(t: TestContext, given: Given): Promise<string> {
  const context = machine(t, given);
  const problem = await findCredentials({ ...NOTHING, ...given.request }, context).then(
    ({ source }) => assert.fail(`found in ${formatSource(source)}`),
    (error: unknown) => error,
  );
  assert.ok(problem instanceof EfsError, problem instanceof Error ? problem.stack : String(problem));
  assert.equal(problem.kind, "config");
  assert.ok(problem.hint !== undefined);
  const line = oneLine(problem);
  for (const mark of [SECRET_MARK, TOKEN_MARK]) assert.ok(!line.includes(mark), line);
  assert.ok(line.length < 1000, `${line.length} characters`);
  return line;
}

const ECS = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1" };

function podEnvironment(tokenFile: string): Record<string, string> {
  const url = `http://${POD_AGENT.host}/v1/credentials`;
  return { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile };
}

/** A file with a token in it. */
function tokenFile(t: TestContext, token: string): string {
  const path = join(temporaryDirectory(t, "token"), "token");
  writeFileSync(path, token);
  return path;
}

const ROLE = "arn:aws:iam::123456789012:role/role";
const WEB_TOKEN = `${TOKEN_MARK}.web.identity`;

/** A machine whose environment names a web identity, and an STS that treats its role as told. */
async function webIdentity(t: TestContext, role: Role | Answer): Promise<Given> {
  const { url } = await sts(t, { [ROLE]: role });
  const environment = {
    AWS_ROLE_ARN: ROLE,
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile(t, `${WEB_TOKEN}\n`),
    AWS_ENDPOINT_URL_STS: url,
  };
  return { environment };
}

const cleanUps: (() => unknown)[] = [];

await inNamespaces([], () => {
  before(() => {
    forgetAws({ after: (cleanUp) => void cleanUps.push(cleanUp) });
    addAddresses(...[ECS_AGENT, POD_AGENT, METADATA_SERVICE].map(({ host }) => `${host}/32`));
  });
  after(() => {
    for (const cleanUp of cleanUps) cleanUp();
  });

  describe("keys of profiles", () => {
    const FOUND: [what: string, given: Given, source: string, keys: Credentials][] = [
      [
        "of default in credentials",
        { files: { credentials: profileText("default", USER) } },
        "credentials:default",
        USER,
      ],
      ["with a token", { files: { credentials: profileText("default", KEYS) } }, "credentials:default", KEYS],
      [
        "with a token that is empty, which is none",
        { files: { credentials: `${profileText("default", USER)}aws_session_token =\n` } },
        "credentials:default",
        USER,
      ],
      ["of default in config", { files: { config: profileText("default", USER) } }, "config:default", USER],
      [
        "in credentials before those in config",
        { files: { credentials: profileText("default", USER), config: profileText("default", KEYS) } },
        "credentials:default",
        USER,
      ],
      [
        "of the profile that the mount names",
        {
          request: { profile: "other" },
          files: { credentials: profileText("default", KEYS), config: profileText("profile other", USER) },
        },
        "config:other",
        USER,
      ],
      [
        "of the profile that AWS_PROFILE names",
        {
          environment: { AWS_PROFILE: "a.b" },
          files: { credentials: profileText("default", KEYS) + profileText("a.b", USER) },
        },
        "credentials:a.b",
        USER,
      ],
      [
        "of a name with blanks",
        { request: { profile: "my team" }, files: { credentials: profileText("my team", USER) } },
        "credentials:my team",
        USER,
      ],
      [
        "of a name in quotes",
        { request: { profile: "my team" }, files: { config: profileText('profile "my team"', USER) } },
        "config:my team",
        USER,
      ],
      [
        "of a section in config that is called by the profile's name alone",
        { request: { profile: "team" }, files: { config: profileText("team", USER) } },
        "config:team",
        USER,
      ],
      [
        "of the section that AWS's programs read, before that",
        {
          request: { profile: "team" },
          files: { config: profileText("team", KEYS) + profileText("profile team", USER) },
        },
        "config:team",
        USER,
      ],
      [
        "with colons and in capitals, as mount helpers have always read them",
        {
          files: {
            credentials: `[ default ]\nAWS_ACCESS_KEY_ID: ${USER.accessKeyId}\nAws_Secret_Access_Key = ${USER.secretAccessKey}\n`,
          },
        },
        "credentials:default",
        USER,
      ],
      [
        "of the profile that is called so, not of a part of its name",
        {
          request: { profile: "a.b" },
          files: { credentials: profileText("a", KEYS) + profileText("a.b", USER) },
        },
        "credentials:a.b",
        USER,
      ],
      [
        "among blanks, comments and the line ends of another system",
        {
          files: {
            credentials: `# mine\r\n[default]\r\naws_access_key_id=${USER.accessKeyId} # old\r\n\r\n  aws_secret_access_key   =   ${USER.secretAccessKey}\r\n`,
          },
        },
        "credentials:default",
        USER,
      ],
    ];
    for (const [what, given, source, credentials] of FOUND) {
      test(what, async (t) => assert.deepEqual(await find(t, given), { source, credentials }));
    }

    test("are read where AWS's variables say that the files are", async (t) => {
      const elsewhere = temporaryDirectory(t, "elsewhere");
      writeFileSync(join(elsewhere, "mine"), profileText("default", USER));
      const environment = { AWS_SHARED_CREDENTIALS_FILE: join(elsewhere, "mine") };
      const { credentials } = await find(t, {
        environment,
        files: { credentials: profileText("default", KEYS) },
      });
      assert.deepEqual(credentials, USER);
      writeFileSync(join(elsewhere, "config"), profileText("profile p", KEYS));
      const config = { AWS_CONFIG_FILE: join(elsewhere, "config"), AWS_PROFILE: "p" };
      assert.deepEqual((await find(t, { environment: config })).credentials, KEYS);
    });

    const REFUSED: [what: string, given: Given, ...says: RegExp[]][] = [
      [
        "a profile that is nowhere",
        { request: { profile: "nobody" }, files: { credentials: profileText("default", USER) } },
        /profile nobody is not in ~\/\.aws/,
        /correct what the mount names/,
      ],
      [
        "a profile that AWS_PROFILE names, and that is nowhere",
        { environment: { AWS_PROFILE: "nobody" }, files: { credentials: profileText("default", USER) } },
        /profile nobody is not in ~\/\.aws/,
      ],
      [
        "a profile by a name that every object has",
        { request: { profile: "constructor" } },
        /profile constructor is not in/,
      ],
      [
        "half of the keys",
        {
          request: { profile: "half" },
          files: { credentials: `[half]\naws_secret_access_key = ${USER.secretAccessKey}\n` },
        },
        /what profile half refers to: Could not resolve credentials/,
      ],
      [
        "a file that is none of profiles",
        {
          request: { profile: "p" },
          files: { credentials: `\u0000\u0001[${SECRET_MARK}`, config: "[__proto__]\nx = y\n" },
        },
        /profile p is not in/,
      ],
      [
        "keys that cannot be such",
        {
          request: { profile: "p" },
          files: { credentials: profileText("p", { ...USER, secretAccessKey: `${SECRET_MARK}\u0007é` }) },
        },
        /profile p of ~\/\.aws\/credentials: .*no keys/,
      ],
    ];
    for (const [what, given, ...says] of REFUSED) {
      test(`refused: ${what}`, async (t) => {
        const line = await refused(t, given);
        for (const part of says) assert.match(line, part);
      });
    }
  });

  /** A profile that assumes a role by the keys of another profile. */
  const ROLE_PROFILE = `[profile role]\nrole_arn = ${ROLE}\nsource_profile = base\n`;
  const referring = (config: string) => ({ credentials: profileText("base", USER), config });

  async function assumed(t: TestContext, role: Role | Answer, config = ROLE_PROFILE): Promise<Given> {
    const { url } = await sts(t, { [ROLE]: role });
    return {
      request: { profile: "role" },
      environment: { AWS_ENDPOINT_URL_STS: url },
      files: referring(config),
    };
  }

  describe("what a profile refers to", () => {
    test("is a role, assumed with another profile's keys", async (t) => {
      const given = await assumed(t, { trusts: USER.accessKeyId, keys: KEYS });
      assert.deepEqual(await find(t, given), { source: "named_profile:role", credentials: KEYS });
    });

    test("is a role that trusts a role", async (t) => {
      const first = sessionKeys("first");
      const { url } = await sts(t, {
        [`${ROLE}1`]: { trusts: USER.accessKeyId, keys: first },
        [`${ROLE}2`]: { trusts: first.accessKeyId, keys: KEYS },
      });
      const config = `[profile one]\nrole_arn = ${ROLE}1\nsource_profile = base\n[profile two]\nrole_arn = ${ROLE}2\nsource_profile = one\n`;
      const given = {
        request: { profile: "two" },
        environment: { AWS_ENDPOINT_URL_STS: url },
        files: referring(config),
      };
      assert.deepEqual((await find(t, given)).credentials, KEYS);
    });

    test("is a role, assumed with the keys of the task", async (t) => {
      const task = sessionKeys("task");
      await ecsAgent(t, { "/v2/credentials/1": task });
      const config = `[profile role]\nrole_arn = ${ROLE}\ncredential_source = EcsContainer\n`;
      const { environment, ...given } = await assumed(t, { trusts: task.accessKeyId, keys: KEYS }, config);
      const found = await find(t, { ...given, environment: { ...environment, ...ECS } });
      assert.deepEqual(found.credentials, KEYS);
    });

    test("is a program that prints keys", async (t) => {
      const answer = { Version: 1, ...JSON.parse(keysAsJson(KEYS)), SessionToken: KEYS.sessionToken };
      const program = `cat ${tokenFile(t, JSON.stringify(answer))}`;
      const files = { config: `[profile p]\ncredential_process = ${program}\n` };
      const { credentials } = await find(t, { request: { profile: "p" }, files });
      assert.deepEqual(credentials, KEYS);
    });

    const STS_SAYS: [what: string, role: Role | Answer, says: RegExp][] = [
      [
        "a role that trusts somebody else",
        { trusts: "AKIAOTHER", keys: KEYS },
        /what profile role refers to: no\b/,
      ],
      [
        "a signature that STS takes apart to explain what is wrong",
        stsError(
          { headers: {} },
          403,
          "SignatureDoesNotMatch",
          `The request signature we calculated does not match.\n\nThe Canonical String should have been\n'POST\n/\nx-amz-security-token:${TOKEN_MARK}'`,
        ),
        /refers to: The request signature we calculated does not match\.\)/,
      ],
      ["an STS that answers with anything else", { body: "<html>" }, /what profile role refers to: \S/],
      ["an STS that hangs up", HANGS_UP, /what profile role refers to: \S/],
    ];
    for (const [what, role, says] of STS_SAYS) {
      test(`refused: ${what}`, async (t) => assert.match(await refused(t, await assumed(t, role)), says));
    }

    test("refused: an STS that says nothing", async (t) => {
      const given = await assumed(t, SILENT);
      hurry(t);
      assert.match(await refused(t, given), /what profile role refers to: no answer in time/);
    });

    test("refused: a program that never ends, which is ended with all that it has started", async (t) => {
      const mark = `${temporaryDirectory(t, "mark")}/sleeps`;
      symlinkSync("/bin/sleep", mark);
      const files = { config: `[profile role]\ncredential_process = sh -c "${mark} 1000; true"; true\n` };
      hurry(t);
      const line = await refused(t, { request: { profile: "role" }, files });
      assert.match(line, /what profile role refers to: no answer in time/);
      const left = findProcesses(({ argv }) => argv.some((word) => word.includes(mark)));
      assert.ok(await endWithin(left, 10_000));
    });

    const REFUSED: [what: string, config: string, says: RegExp][] = [
      [
        "profiles that refer to each other",
        `[profile role]\nrole_arn = ${ROLE}\nsource_profile = two\n[profile two]\nrole_arn = ${ROLE}\nsource_profile = role\n`,
        /cycle/,
      ],
      [
        "a profile that refers to none",
        `[profile role]\nrole_arn = ${ROLE}\nsource_profile = nobody\n`,
        /\[nobody\]/,
      ],
      ["a profile that says nothing", "[profile role]\nregion = us-east-1\n", /Could not resolve/],
      [
        "a program that fails, and tells and was told secrets",
        `[profile role]\ncredential_process = sh -c "echo ${SECRET_MARK} >&2; exit 3"\n`,
        /its credential_process failed/,
      ],
      [
        "a program that prints anything else",
        `[profile role]\ncredential_process = echo ${SECRET_MARK}\n`,
        /credential_process returned invalid JSON/,
      ],
    ];
    for (const [what, config, says] of REFUSED) {
      test(`refused: ${what}`, async (t) => {
        assert.match(await refused(t, { request: { profile: "role" }, files: referring(config) }), says);
      });
    }
  });

  describe("keys of a task", () => {
    test("come from the path that the mount names, at the agent's address", async (t) => {
      const agent = await ecsAgent(t, {
        "/v2/credentials/2": KEYS,
        "/v2/credentials/1": sessionKeys("other"),
      });
      const found = await find(t, { request: { credentialsUri: "/v2/credentials/2" }, environment: ECS });
      assert.deepEqual(found, { source: "ecs:/v2/credentials/2", credentials: KEYS });
      assert.equal(agent.calls[0]?.headers.host, ECS_AGENT.host);
    });

    test("come from the path in the environment", async (t) => {
      await ecsAgent(t, { "/v2/credentials/1": KEYS });
      assert.deepEqual(await find(t, { environment: ECS }), {
        source: "ecs:/v2/credentials/1",
        credentials: KEYS,
      });
    });

    for (const path of ["//127.0.0.1:1/x", "/\\127.0.0.1:1/x", "/../x", "/@127.0.0.1:1/x", "/x?a=b&c=d"]) {
      test(`come from the agent, and from nobody else, for ${path}`, async (t) => {
        const agent = await service(t, () => ({ body: keysAsJson(KEYS) }), ECS_AGENT);
        const { credentials } = await find(t, { request: { credentialsUri: path } });
        assert.deepEqual(credentials, KEYS);
        assert.equal(agent.calls[0]?.headers.host, ECS_AGENT.host);
      });
    }

    test("are the only ones that are asked for where the mount names them", async (t) => {
      await ecsAgent(t, {});
      const line = await refused(t, {
        request: { credentialsUri: "/gone" },
        files: { credentials: profileText("default", USER) },
      });
      assert.match(line, /\(the ECS agent \(\/gone\): 169\.254\.170\.2 answers with status 404\)/);
      assert.match(line, /correct what the mount names/);
    });

    test("are asked for after those of profile default, and what has none is passed over", async (t) => {
      const agent = await ecsAgent(t, { "/v2/credentials/1": KEYS });
      const files = { credentials: profileText("default", USER) };
      assert.deepEqual((await find(t, { environment: ECS, files })).credentials, USER);
      assert.deepEqual(agent.calls, []);
    });
  });

  describe("keys of a pod", () => {
    test("come by its token, which is read anew each time", async (t) => {
      const [first, second] = [sessionKeys("first"), sessionKeys("second")];
      const pods = new Map([
        [`${TOKEN_MARK}1`, first],
        [`${TOKEN_MARK}2`, second],
      ]);
      await podAgent(t, pods);
      const file = tokenFile(t, `${TOKEN_MARK}1\n`);
      const environment = podEnvironment(file);
      const source = `podidentity:http://${POD_AGENT.host}/v1/credentials,${file}`;
      assert.deepEqual(await find(t, { environment }), { source, credentials: first });
      writeFileSync(file, `${TOKEN_MARK}2`);
      assert.deepEqual(await find(t, { environment }), { source, credentials: second });
    });

    test("do not come by a token that the agent does not know", async (t) => {
      await podAgent(t, new Map());
      const line = await refused(t, { environment: podEnvironment(tokenFile(t, TOKEN_MARK)) });
      assert.match(line, /EKS pod identity: 169\.254\.170\.23 answers with status 401/);
    });

    test("do not come without the token", async (t) => {
      const line = await refused(t, { environment: podEnvironment("/nowhere/token") });
      assert.match(line, /EKS pod identity: cannot read the token: .*\/nowhere\/token/);
    });

    test("do not come by a token that is none", async (t) => {
      await podAgent(t, new Map());
      for (const token of [`${TOKEN_MARK}\n${TOKEN_MARK}`, `${TOKEN_MARK}\u0000`, `${TOKEN_MARK}é€`, ""]) {
        const line = await refused(t, { environment: podEnvironment(tokenFile(t, token)) });
        assert.match(line, /EKS pod identity: \S/);
      }
    });

    test("do not come from what is no address", async (t) => {
      const file = tokenFile(t, TOKEN_MARK);
      for (const url of ["nonsense", "file:///etc/passwd", "ftp://127.0.0.1/", "http://"]) {
        const environment = { ...podEnvironment(file), AWS_CONTAINER_CREDENTIALS_FULL_URI: url };
        assert.match(await refused(t, { environment }), /EKS pod identity: "\S+" is no http or https URL/);
      }
    });
  });

  describe("keys by web identity", () => {
    test("come from STS, for the role and token file that the mount names", async (t) => {
      const { url, calls } = await sts(t, { [ROLE]: { trusts: WEB_TOKEN, keys: KEYS } });
      const file = tokenFile(t, `${WEB_TOKEN}\n`);
      const found = await find(t, {
        request: { webIdentity: { roleArn: ROLE, tokenFile: file } },
        environment: { AWS_ENDPOINT_URL_STS: url, AWS_ROLE_ARN: "arn:aws:iam::1:role/other" },
      });
      assert.deepEqual(found, { source: `webidentity:${ROLE},${file}`, credentials: KEYS });
      assert.equal(calls[0]?.method, "POST");
      assert.equal(calls[0]?.headers.authorization, undefined);
    });

    test("come from STS, for the role and token file that the environment names", async (t) => {
      const found = await find(t, await webIdentity(t, { trusts: WEB_TOKEN, keys: KEYS }));
      assert.deepEqual(found.credentials, KEYS);
    });

    const ENDPOINTS: [environment: Record<string, string>, host: string][] = [
      [{}, "sts.us-east-1.amazonaws.com"],
      [{ AWS_USE_FIPS_ENDPOINT: "true" }, "sts-fips.us-east-1.amazonaws.com"],
      [{ AWS_ENDPOINT_URL: "https://localhost:1" }, "localhost:1"],
      [{ AWS_ENDPOINT_URL: "https://other:1", AWS_ENDPOINT_URL_STS: "https://localhost:1" }, "localhost:1"],
      [
        { AWS_ENDPOINT_URL: "https://localhost:1", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
        "sts.us-east-1.amazonaws.com",
      ],
    ];
    for (const [environment, host] of ENDPOINTS) {
      test(`are asked for at ${host}`, async (t) => {
        const webIdentity = { roleArn: ROLE, tokenFile: tokenFile(t, WEB_TOKEN) };
        const line = await refused(t, { request: { webIdentity }, environment });
        assert.match(
          line,
          new RegExp(`by web identity: https://${host.replaceAll(".", "\\.")} does not answer`),
        );
      });
    }

    const REFUSED: [what: string, role: Role | Answer, says: RegExp][] = [
      ["a role that trusts another identity", { trusts: "another", keys: KEYS }, /refuses: AccessDenied\b/],
      [
        "an expired token",
        stsError({ headers: { accept: "application/json" } }, 400, "ExpiredTokenException"),
        /refuses: ExpiredTokenException/,
      ],
      ["an error without a code", { status: 500, body: "" }, /refuses: status 500/],
      ["an error in a form of its own", { status: 400, body: '{"Error":{"Code":7}}' }, /refuses: status 400/],
      [
        "an error whose code is the token",
        stsError({ headers: { accept: "application/json" } }, 400, `${TOKEN_MARK}${".x".repeat(50_000)}`),
        /refuses: status 400/,
      ],
    ];
    for (const [what, role, says] of REFUSED) {
      test(`refused: ${what}`, async (t) => assert.match(await refused(t, await webIdentity(t, role)), says));
    }

    test("refused: a token file that is not there", async (t) => {
      const { environment = {} } = await webIdentity(t, { trusts: WEB_TOKEN, keys: KEYS });
      const gone = { ...environment, AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere/jwt" };
      assert.match(
        await refused(t, { environment: gone }),
        /by web identity: cannot read the token: .*\/nowhere\/jwt/,
      );
    });

    test("refused: an endpoint that is none", async (t) => {
      const { environment = {} } = await webIdentity(t, { trusts: WEB_TOKEN, keys: KEYS });
      const line = await refused(t, { environment: { ...environment, AWS_ENDPOINT_URL_STS: "localhost" } });
      assert.match(line, /by web identity: "localhost" is no http or https URL/);
    });

    test("refused: names that no state file could record", async (t) => {
      const { environment = {} } = await webIdentity(t, { trusts: WEB_TOKEN, keys: KEYS });
      const line = await refused(t, { environment: { ...environment, AWS_ROLE_ARN: `${ROLE}\n` } });
      assert.match(line, /holds a control character/);
    });
  });

  describe("keys of an instance", () => {
    const role = { name: "my role", keys: KEYS };
    const SERVICES: [what: string, instance: Parameters<typeof instanceMetadata>[1]][] = [
      ["that wants a session (IMDSv2)", { role }],
      ["that has sessions and wants none", { role, needsSession: false }],
      ["that has no sessions (IMDSv1)", { role, hasSessions: false }],
    ];
    for (const [what, instance] of SERVICES) {
      test(`come from a service ${what}`, async (t) => {
        await instanceMetadata(t, instance, METADATA_SERVICE);
        assert.deepEqual(await find(t, {}), { source: "metadata:", credentials: KEYS });
      });
    }

    test("come from where the environment says that the service is", async (t) => {
      const { url } = await instanceMetadata(t, { role });
      const environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT: url };
      assert.deepEqual((await find(t, { environment })).credentials, KEYS);
    });

    test("are not there where the instance has no role", async (t) => {
      await instanceMetadata(t, {}, METADATA_SERVICE);
      assert.match(await refused(t, {}), /\(the role of this instance: the metadata service names no role\)/);
    });

    test("are not there where there is no service", async (t) => {
      const line = await refused(t, {});
      assert.match(line, /\(the role of this instance: .*\)/);
      assert.match(line, /give the instance or task a role/);
    });

    test("are not asked for where the environment forbids it", async (t) => {
      const { calls } = await instanceMetadata(t, { role }, METADATA_SERVICE);
      assert.match(
        await refused(t, { environment: { AWS_EC2_METADATA_DISABLED: "true" } }),
        /role of this instance/,
      );
      assert.deepEqual(calls, []);
    });

    test("come last, and keys in the environment count nothing", async (t) => {
      await instanceMetadata(t, { role }, METADATA_SERVICE);
      await ecsAgent(t, {});
      const environment = {
        AWS_ACCESS_KEY_ID: "AKIAENVIRONMENT",
        AWS_SECRET_ACCESS_KEY: `${SECRET_MARK}-environment`,
        ...podEnvironment(tokenFile(t, TOKEN_MARK)),
        ...ECS,
      };
      assert.deepEqual((await find(t, { environment })).source, "metadata:");
    });
  });

  /** What is no answer with keys in it. */
  const MISBEHAVING: [what: string, answer: Answer, waits: boolean][] = [
    ["nothing", SILENT, true],
    ["an answer without an end", UNENDING, true],
    ["more than anybody can hold", ENDLESS, true],
    ["the end of the connection", HANGS_UP, false],
    ["an empty answer", { body: "" }, false],
    ["null", { body: "null" }, false],
    ["a list", { body: "[]" }, false],
    ["a page for people", { body: `<html>${SECRET_MARK}</html>` }, false],
    ["octets", { body: Buffer.from([0xff, 0xfe, 0x00, 0x01]).toString("latin1") }, false],
    ["half of the keys", { body: JSON.stringify({ SecretAccessKey: SECRET_MARK }) }, false],
    ["keys that are numbers", { body: '{"AccessKeyId":1,"SecretAccessKey":2}' }, false],
    [
      "keys that are no keys",
      { body: JSON.stringify({ AccessKeyId: "AKIA\ud800", SecretAccessKey: `${SECRET_MARK}\n` }) },
      false,
    ],
    ["a token that is none", { body: keysAsJson({ ...KEYS, sessionToken: `${TOKEN_MARK}\u0000` }) }, false],
    ["that something failed", { body: '{"Code":"Failed","Message":"no"}' }, false],
    ["a redirection", { status: 302, headers: { location: "http://127.0.0.1:1/" } }, false],
    ["an error", { status: 500, body: keysAsJson(KEYS) }, false],
    ["keys, and far more than belongs to them", { body: keysAsJson(KEYS).padEnd(300_000) }, false],
  ];
  describe("no source gets the mount to wait or to believe it, where it says", () => {
    const wrapped = (answer: Answer): Answer =>
      typeof answer === "function" || answer.body === undefined || !answer.body.startsWith("{")
        ? answer
        : {
            ...answer,
            body: `{"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":${answer.body}}}}`,
          };
    for (const [what, answer, waits] of MISBEHAVING) {
      test(what, async (t) => {
        await ecsAgent(t, { "/v2/credentials/1": answer });
        await service(t, () => answer, POD_AGENT);
        await service(t, () => answer, METADATA_SERVICE);
        const { environment } = await webIdentity(t, wrapped(answer));
        if (waits) hurry(t);
        const line = await refused(t, {
          environment: { ...environment, ...ECS, ...podEnvironment(tokenFile(t, TOKEN_MARK)) },
          files: { credentials: "[default]\n" },
        });
        assert.match(
          line,
          /^iam needs AWS credentials, and there are none \(the ECS agent \(.+?\): .+, EKS pod identity: .+, the role arn:.+ by web identity: .+, the role of this instance: .+\); /,
        );
      });
    }
  });
});
