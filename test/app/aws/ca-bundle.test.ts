import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fetchCredentials } from "../../../src/app/aws/credentials.ts";
import { findMountTargetAddress } from "../../../src/app/aws/mount-targets.ts";
import { oneLine } from "../../../src/core/errors.ts";
import { parseFileSystemId, parseRegion } from "../../../src/core/ids.ts";
import { trustedAuthorities } from "../../../src/system/authorities.ts";
import { askHttp } from "../../../src/system/http.ts";
import { Metadata } from "../../../src/system/metadata.ts";
import { forgetAws, setEnvironment } from "../../fakes/environment.ts";
import { profileText, userKeys } from "../../fakes/keys.ts";
import { JSON_TYPE } from "../../fakes/service.ts";
import { Authority, temporaryDirectory } from "../../support/authority.ts";
import { problemOf } from "../../support/problem.ts";

const METADATA = new Metadata({ disableToken: false, environment: { AWS_EC2_METADATA_DISABLED: "true" } });
/** What an API without mount targets is recognised by. */
const NO_TARGETS = /has no mount target in us-east-1/;

describe("the authorities of AWS_CA_BUNDLE", () => {
  const cleanUps: (() => unknown)[] = [];
  const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  let bundle: string;
  let url: string;

  before(async () => {
    const directory = temporaryDirectory(group, "authority");
    const authority = new Authority(directory, "authority");
    const { key, cert } = authority.server({ host: "localhost" });
    const server = createServer({ key, cert }, (_, response) => {
      response.writeHead(200, JSON_TYPE).end('{"MountTargets": []}');
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    group.after(() => {
      server.closeAllConnections();
      server.close();
    });
    bundle = authority.certificate;
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
    forgetAws(group);
    setEnvironment(group, {
      HOME: join(directory, "home"),
      AWS_ENDPOINT_URL_EFS: url,
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "an example",
    });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  /** What the user reads of an API that tells of no mount target, or that is not trusted. */
  async function told(): Promise<string> {
    const [fsId, region] = [parseFileSystemId("fs-1"), parseRegion("us-east-1")];
    assert.ok(fsId !== undefined && region !== undefined);
    const search = { fsId, region, zone: undefined, profile: undefined, fips: false, metadata: METADATA };
    const error = await findMountTargetAddress(search).catch((thrown: unknown) => thrown);
    const problem = problemOf(() => {
      throw error;
    });
    assert.ok(problem !== undefined);
    return oneLine(problem);
  }

  test("are trusted by the SDK's calls, and no others are", async (t) => {
    assert.doesNotMatch(await told(), NO_TARGETS);
    setEnvironment(t, { AWS_CA_BUNDLE: bundle });
    assert.match(await told(), NO_TARGETS);
  });

  test("are trusted where a profile refers to a role, and no others are", async (t) => {
    const directory = temporaryDirectory(t, "profiles");
    const role = "[role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n";
    writeFileSync(join(directory, "credentials"), `${profileText("base", userKeys("base"))}${role}`);
    setEnvironment(t, {
      AWS_SHARED_CREDENTIALS_FILE: join(directory, "credentials"),
      AWS_CONFIG_FILE: join(directory, "config"),
      AWS_ENDPOINT_URL_STS: url,
    });
    const region = parseRegion("us-east-1");
    assert.ok(region !== undefined);
    const source = { kind: "named_profile", profile: "role" } as const;
    const context = { environment: process.env, region, metadata: METADATA };
    // what answers is no STS, so that there are no keys in any case
    const refusal = () => fetchCredentials(source, context).catch(({ message }: Error) => message);
    assert.match(String(await refusal()), /certificate/);
    setEnvironment(t, { AWS_CA_BUNDLE: bundle });
    assert.doesNotMatch(String(await refusal()), /certificate/);
  });

  test("are trusted by our own calls, and no others are", async () => {
    const ask = (environment: Record<string, string>) =>
      askHttp(new URL(url), { limitMs: 30_000, ...trustedAuthorities(environment) });
    assert.equal(await ask({}), undefined);
    assert.equal((await ask({ AWS_CA_BUNDLE: bundle }))?.status, 200);
  });

  test("are node's own where it names no file, and an error where that cannot be read", async (t) => {
    assert.deepEqual(trustedAuthorities({}), {});
    assert.deepEqual(trustedAuthorities({ AWS_CA_BUNDLE: "" }), {});
    assert.deepEqual(trustedAuthorities({ AWS_CA_BUNDLE: bundle }), { ca: readFileSync(bundle, "utf8") });
    setEnvironment(t, { AWS_CA_BUNDLE: "/nowhere/ca.pem" });
    assert.match(
      await told(),
      /AWS_CA_BUNDLE names \/nowhere\/ca\.pem, which cannot be read: .*; correct or unset/,
    );
  });
});
