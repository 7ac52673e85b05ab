import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { utcTimeText } from "../../../src/core/certificate/certificate.ts";
import { setEnvironment } from "../../fakes/environment.ts";
import { instanceMetadata } from "../../fakes/instance.ts";
import { keysAsJson, sessionKeys } from "../../fakes/keys.ts";
import { type Reply, service } from "../../fakes/service.ts";
import { ask, certificate, KEY_PEM, tlsResponder } from "../../support/tls-responder.ts";
import { eventually, kill, Rig, type RigTunnel } from "../../support/watchdog-rig.ts";

const HOUR = 3_600_000;

/** A tunnel to a real server, with a certificate made at a time. */
async function realTunnel(
  rig: Rig,
  server: number,
  madeAt: Date,
  state = {},
  how: Pick<Parameters<Rig["tunnel"]>[0] & {}, "runs" | "silent"> = {},
): Promise<RigTunnel> {
  const key = `${rig.directory}/key.pem`;
  writeFileSync(key, KEY_PEM);
  const pem = await certificate(madeAt);
  return rig.tunnel({
    ...how,
    connect: server,
    identity: { key, pem },
    state: {
      fsId: "fs-1",
      commonName: "test-host",
      certificateCreationTime: utcTimeText(madeAt),
      privateKey: key,
      ...state,
    },
  });
}

/** Serves the serial number of its client's certificate. */
function serial(test: Parameters<typeof tlsResponder>[0]) {
  return tlsResponder(test, (socket) => {
    const { serialNumber } = socket.getPeerCertificate();
    socket.on("data", () => socket.end(serialNumber));
  });
}

// most of their time is spent waiting for processes
describe("a tunnel that leads to a server", { concurrency: 4 }, () => {
  test("an old certificate is made anew, and stunnel presents it without a new start", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    const tunnel = await realTunnel(rig, server.port, new Date(Date.now() - 1.5 * HOUR));
    const before = tunnel.state();
    const old = await ask(tunnel.port);
    await rig.watch();
    await eventually(
      "it is recorded",
      () => tunnel.state().certificateCreationTime !== before.certificateCreationTime,
    );
    await eventually("it is presented", async () => (await ask(tunnel.port)) !== old);
    assert.equal(tunnel.state().pid, before.pid);
    assert.deepEqual(tunnel.state().keeper, before.keeper);
    // the socket is still the keeper's
    await kill(before.pid);
    assert.notEqual(await ask(tunnel.port), old);
  });

  const OTHERS: [what: string, state: object][] = [
    ["an old version's, without what that did not write down", { pid: undefined, mountpoint: undefined }],
    [
      "with the instance's role",
      {
        awsCredentialsMethod: "metadata:",
        region: "us-east-1",
        service_type: "elasticfilesystem",
        mount_time: Date.now() / 1000 - 1.5 * 3600,
      },
    ],
  ];
  for (const [what, state] of OTHERS) {
    test(`the certificate of another helper's tunnel, whose stunnel writes no log, is made anew: ${what}`, async (t) => {
      const isSigned = "awsCredentialsMethod" in state;
      const role = { name: "efs", keys: sessionKeys("role") };
      const { url, calls } = await instanceMetadata(t, { role });
      if (isSigned) setEnvironment(t, { AWS_EC2_METADATA_SERVICE_ENDPOINT: url });
      const rig = new Rig(t);
      const server = await serial(t);
      const made = new Date(Date.now() - 1.5 * HOUR);
      const tunnel = await realTunnel(rig, server.port, made, state, { runs: "alone", silent: true });
      const old = await ask(tunnel.port);
      const [before] = rig.processes();
      await rig.watch();
      await eventually("it is presented", async () => (await ask(tunnel.port)) !== old);
      assert.match(await ask(tunnel.port), /^[0-9A-F]+$/);
      await eventually("it is recorded", () => tunnel.state().certificateCreationTime !== utcTimeText(made));
      assert.deepEqual(
        rig.processes().map(({ pid, startTime }) => ({ pid, startTime })),
        [{ pid: before?.pid, startTime: before?.startTime }],
      );
      assert.deepEqual(rig.logged(/WARNING|ERROR/), []);
      assert.equal(calls.length > 0, isSigned);
    });
  }

  test("a tunnel does not wait for credentials that do not come", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    // nothing answers there: it takes as long as is waited for it
    const agent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(agent, "listening");
    t.after(() => agent.close());
    const { port } = agent.address() as AddressInfo;
    const token = `${rig.directory}/token`;
    writeFileSync(token, "secret");
    const awsCredentialsMethod = `podidentity:http://127.0.0.1:${port}/,${token}`;
    const old = new Date(Date.now() - 2.5 * HOUR);
    const tunnel = await realTunnel(rig, server.port, old, { awsCredentialsMethod, region: "us-east-1" });
    const asked = once(agent, "connection");
    await rig.watch();
    await asked;
    const { pid, keeper } = tunnel.state();
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    await eventually("it runs again", () => tunnel.state().pid !== pid, 3000);
    assert.notEqual(await ask(tunnel.port), "");
    tunnel.unmount();
    await eventually("it has ended", () => !existsSync(tunnel.paths.stateFile), 3000);
    assert.equal(existsSync(tunnel.paths.directory), false);
  });

  test("credentials that are gone are warned of, with the time when access ends, and renewal goes on once they are back", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    const answers: Reply[] = [{ status: 500 }, { body: keysAsJson(sessionKeys("back")) }];
    const agent = await service(t, () => answers.shift() ?? { status: 404 });
    const token = `${rig.directory}/token`;
    writeFileSync(token, "secret");
    const made = new Date(Math.floor(Date.now() / 1000) * 1000 - 2 * HOUR);
    const tunnel = await realTunnel(rig, server.port, made, {
      awsCredentialsMethod: `podidentity:${agent.url}/,${token}`,
      region: "us-east-1",
    });
    const recorded = tunnel.state().certificateCreationTime;
    await rig.watch();
    await eventually("it is renewed", () => tunnel.state().certificateCreationTime !== recorded);
    await eventually("that is said", () => rig.logged(/new certificate after all/).length > 0);
    const [warning, ...more] = rig.logged(/credentials/);
    assert.deepEqual(more, []);
    assert.match(
      warning ?? "",
      /^WARNING tunnel of .* EKS pod identity: .* answers with status 500; access ends at /,
    );
    const end = new Date(made.getTime() + 3 * HOUR).toISOString().replace(".000", "");
    assert.ok(warning?.includes(end), warning);
    assert.equal(agent.calls.length, 2);
  });

  test("a stunnel that does not take its new certificate is told of, and the certificate counts as the old one", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    const made = new Date(Date.now() - 1.5 * HOUR);
    const tunnel = await realTunnel(rig, server.port, made);
    const old = await ask(tunnel.port);
    // what it reads again is no configuration any more
    appendFileSync(tunnel.paths.stunnelConfig, "nonsense = yes\n");
    await rig.watch();
    await eventually("it is told", () => rig.logged(/does not take the new certificate/).length > 0);
    const [warning = ""] = rig.logged(/does not take/);
    assert.match(
      warning,
      /^WARNING .*"nonsense = yes": Specified option name is not valid here.*access ends at /,
    );
    assert.equal(tunnel.state().certificateCreationTime, utcTimeText(made));
    assert.equal(await ask(tunnel.port), old);
  });

  test("a deleted certificate is made anew at once", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    const tunnel = await realTunnel(rig, server.port, new Date());
    await rig.watch();
    rmSync(tunnel.paths.certificate);
    await eventually("it is back", () => existsSync(tunnel.paths.certificate));
  });

  test("a tunnel whose certificate no longer fits the key starts with a new one", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    const tunnel = await realTunnel(rig, server.port, new Date());
    const { pid, keeper } = tunnel.state();
    rmSync(`${rig.directory}/key.pem`);
    await kill(keeper?.pid ?? 0);
    await kill(pid);
    await rig.watch();
    await eventually("it runs", () => tunnel.state().keeper?.pid !== keeper?.pid, 15_000);
    assert.match(await ask(tunnel.port), /^[0-9A-F]+$/);
  });

  test("requests that come while keeper and stunnel are dead are answered soon after", async (t) => {
    const rig = new Rig(t);
    const server = await serial(t);
    const tunnel = await realTunnel(rig, server.port, new Date());
    await rig.watch();
    const took: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { pid, keeper } = tunnel.state();
      const start = performance.now();
      process.kill(keeper?.pid ?? 0, "SIGKILL");
      process.kill(pid, "SIGKILL");
      await eventually("it answers", () =>
        ask(tunnel.port).then(
          (answer) => answer !== "",
          () => false,
        ),
      );
      took.push(Math.round(performance.now() - start));
      await eventually("it is recorded", () => tunnel.state().pid !== pid);
    }
    t.diagnostic(`both killed to the first answer: ${took.join(", ")} ms`);
  });
});
