import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { OWN_NETWORK, tunnelNetwork } from "../../../src/app/tunnel/network.ts";
import { reservePort } from "../../../src/app/tunnel/port.ts";
import { type RunningTunnel, startTunnel, stopTunnel } from "../../../src/app/tunnel/start.ts";
import { findStunnel, InstalledStunnel } from "../../../src/app/tunnel/stunnel.ts";
import { startAgain } from "../../../src/app/watchdog/start.ts";
import { parseConfig, settings } from "../../../src/core/config/config.ts";
import type { Port } from "../../../src/core/ids.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { tunnelPaths } from "../../../src/core/tunnel/names.ts";
import { stunnelConfig } from "../../../src/core/tunnel/stunnel-config.ts";
import type { Log } from "../../../src/system/log.ts";
import { bindPort } from "../../../src/system/network.ts";
import { descriptorTarget, findProcesses, listenerInode } from "../../../src/system/procfs.ts";
import { answerNull } from "../../fakes/nfs-null.ts";
import { Authority, type Test, tcpServer, temporaryDirectory } from "../../support/authority.ts";
import { Child } from "../../support/children.ts";
import { eventually, freePort, KEEPER, kill } from "../../support/watchdog-rig.ts";

const LIMIT_MS = 30_000;

const HOST = "fs-1.efs.us-east-1.amazonaws.com";
const TARGET = { fsId: "fs-1", region: "us-east-1", dnsName: HOST, certificateName: HOST } as ResolvedTarget;
const SERVER_PORT = 2049;

/** A TLS server that sends back what it gets. */
const ECHO = `
  const [key, cert] = process.argv.slice(1).map((file) => require("node:fs").readFileSync(file));
  const server = require("node:tls").createServer({ key, cert }, (socket) => {
    socket.on("error", () => {}).pipe(socket);
  });
  server.on("tlsClientError", () => {}).listen(${SERVER_PORT}, "127.0.0.1", () => console.log("ready"));`;

/** Says something to a port of 127.0.0.1, and prints what comes back. */
const ASK = 'exec 3<>"/dev/tcp/127.0.0.1/$1" && echo "$2" >&3 && read -r -t 5 answer <&3 && echo "$answer"';

/** A network namespace that ends with the test, by the path that stands for it. */
async function namespace(test: Test, setUp = "ip link set lo up"): Promise<string> {
  const holder = new Child(test, "unshare", ["--net", "/bin/sh", "-c", `${setUp} && echo ready; read x`]);
  assert.equal(await holder.line(), "ready");
  return `/proc/${holder.pid}/ns/net`;
}

const inside = (path: string, ...command: string[]) => [`--net=${path}`, ...command];

/** What a port in there answers. */
async function ask(path: string, port: Port, question: string): Promise<string> {
  const command = inside(path, "/bin/bash", "-c", ASK, "ask", String(port), question);
  return (await promisify(execFile)("nsenter", command)).stdout.trim();
}

const range = (first: number, count = 4) =>
  settings(
    parseConfig(`[mount]\nport_range_lower_bound = ${first}\nport_range_upper_bound = ${first + count}`, "f"),
  );

describe("another network namespace", { skip: process.getuid?.() !== 0, concurrency: 2 }, () => {
  const cleanUps: (() => unknown)[] = [];
  const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  let socketMaker: string;
  let directory: string;

  before(() => {
    directory = temporaryDirectory(group, "namespaces");
    socketMaker = join(directory, "socket-maker.cjs");
    const source = new URL("../../../src/bin/efs-namespace-socket.ts", import.meta.url).pathname;
    buildSync({ entryPoints: [source], outfile: socketMaker, bundle: true, platform: "node", format: "cjs" });
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  /** The network of a namespace, left with the test. */
  function enter(t: TestContext, path: string) {
    const network = tunnelNetwork(path, socketMaker);
    t.after(() => network.leave());
    return network;
  }

  const reserve = (t: TestContext, path: string, first: number, given?: Port) =>
    reservePort(given, range(first), join(directory, "no-state"), 0, enter(t, path));

  /** A tunnel in a namespace, to a server in there. */
  async function tunnelIn(t: TestContext, path: string) {
    const authority = new Authority(temporaryDirectory(t, "authority"), "authority");
    const { files } = authority.server({ host: HOST });
    const program = [process.execPath, "-e", ECHO, files.key, files.cert];
    const server = new Child(t, "nsenter", inside(path, ...program));
    assert.equal(await server.line(), "ready");
    const socket = await reserve(t, path, await freePort());
    const paths = tunnelPaths(temporaryDirectory(t, "tunnel"), `fs-1.mnt.efs.${socket.port}`);
    mkdirSync(paths.directory);
    const stunnel = await findStunnel();
    const config = stunnelConfig(
      {
        target: { ...TARGET, address: "127.0.0.1" },
        port: socket.port,
        verify: 2,
        checkHostName: true,
        checkRevocation: false,
        caFile: authority.certificate,
        privateKey: files.key,
        fips: false,
        debugLog: undefined,
      },
      { ...paths, certificate: files.cert },
      stunnel.capabilities,
    );
    writeFileSync(paths.stunnelConfig, config);
    const running: RunningTunnel = await startTunnel({
      keeperProgram: KEEPER,
      stunnel: stunnel.path,
      paths,
      port: socket.port,
      socket,
      networkNamespace: path,
    });
    socket.close();
    t.after(() => stopTunnel({ keeper: running.keeper, stunnelConfig: paths.stunnelConfig }));
    return { running, paths, port: socket.port, socket: socket.name };
  }

  test("has the tunnel's listening socket, which the keeper holds and stunnel is proven to have", async (t) => {
    const path = await namespace(t);
    const { running, port, socket } = await tunnelIn(t, path);
    const { keeper, stunnel } = running;
    assert.deepEqual(
      [keeper, stunnel].map(({ pid }) => descriptorTarget(pid, 3)),
      [socket, socket],
    );
    assert.equal(`socket:[${listenerInode(port, stunnel.pid)}]`, socket);
    assert.equal(await ask(path, port, "hello"), "hello");
    assert.equal(listenerInode(port), undefined, "nobody listens in ours");
  });

  test("keeps the port listening while stunnel is killed, again and again, and has it answered", async (t) => {
    const path = await namespace(t);
    const { running, port, socket, paths } = await tunnelIn(t, path);
    let { pid } = running.stunnel;
    for (const question of ["one", "two", "three"]) {
      await kill(pid);
      assert.equal(`socket:[${listenerInode(port, running.keeper.pid)}]`, socket);
      assert.equal(await ask(path, port, question), question);
      const before = pid;
      const all = findProcesses(
        ({ argv }) => argv.at(-1) === paths.stunnelConfig && !argv.includes("socket"),
      );
      pid = all[0]?.pid ?? before;
      assert.notEqual(pid, before);
    }
  });

  test("has ports of its own: who listens in ours does not matter, and who listens in there does", async (t) => {
    const path = await namespace(t);
    const first = (await freePort()) as Port;
    const ours = await bindPort(first);
    t.after(() => ours?.close());
    const [one, two] = [await reserve(t, path, first), await reserve(t, path, first)];
    t.after(() => [one, two].map((bound) => bound.close()));
    assert.deepEqual([one.port, two.port], [first, first + 1]);
  });

  test("gives helpers that reserve at once different ports", async (t) => {
    const path = await namespace(t);
    const first = await freePort();
    const bound = await Promise.all([1, 2, 3].map(() => reserve(t, path, first)));
    t.after(() => bound.map((each) => each.close()));
    assert.deepEqual(bound.map(({ port }) => port).sort(), [first, first + 1, first + 2]);
  });

  test("says whose port a given one is", async (t) => {
    const path = await namespace(t);
    const port = (await freePort()) as Port;
    const bound = await reserve(t, path, port);
    t.after(() => bound.close());
    await assert.rejects(reserve(t, path, 1, port), {
      kind: "system",
      message: `port ${port} on 127.0.0.1 in ${path} is in use`,
    });
  });

  test("is where NFS is called, and a call ends with its signal", async (t) => {
    const path = await namespace(t);
    const port = (await tcpServer(t, answerNull)) as Port;
    const silent = (await tcpServer(t, () => {})) as Port;
    const { signal } = new AbortController();
    assert.equal(await OWN_NETWORK.callNull(port, LIMIT_MS, signal), "answered");
    // nobody listens in there, whoever does in ours
    assert.equal(await enter(t, path).callNull(port, LIMIT_MS, signal), "closed");
    assert.equal(await OWN_NETWORK.callNull(silent, LIMIT_MS, AbortSignal.timeout(20)), "silent");
    // who only reserves a port sends everybody away
    const bound = await reserve(t, path, port, port);
    t.after(() => bound.close());
    assert.equal(await enter(t, path).callNull(port, LIMIT_MS, signal), "closed");
  });

  test("is what tells whether an address can be reached", async (t) => {
    const path = await namespace(t);
    const network = enter(t, path);
    const port = (await tcpServer(t, () => {})) as Port;
    assert.equal(await network.reaches("127.0.0.1", port, 2000), false);
    assert.equal(await OWN_NETWORK.reaches("127.0.0.1", port, 2000), true);
    const bound = await network.bindFirst([port]);
    t.after(() => bound?.close());
    assert.equal(await network.reaches("127.0.0.1", port, 2000), true);
  });

  test("gets a tunnel that is down back on a socket that its keeper holds", async (t) => {
    const path = await namespace(t);
    const { running, paths, port } = await tunnelIn(t, path);
    await kill(running.keeper.pid);
    await kill(running.stunnel.pid);
    const down = { name: "the tunnel", port, paths, networkNamespace: path };
    const log = { info: () => {} } as unknown as Log;
    const programs = { keeper: KEEPER, socketMaker };
    const again = await startAgain(down, programs, new InstalledStunnel(), log);
    t.after(() => stopTunnel({ keeper: again.keeper, stunnelConfig: paths.stunnelConfig }));
    assert.equal(again.inheritsSocket, true);
    const held = descriptorTarget(again.keeper.pid, 3);
    assert.equal(held, `socket:[${listenerInode(port, again.stunnel.pid)}]`);
    assert.equal(await ask(path, port, "hello"), "hello");
    await assert.rejects(startAgain(down, programs, new InstalledStunnel(), log), {
      message: `port ${port} on 127.0.0.1 in ${path} is taken by another process`,
    });
  });

  for (const [what, path, why] of [
    ["a path where nothing is", "/run/netns/none-such", /No such file/],
    ["a file that is no namespace", "/etc/hostname", /Invalid argument/],
  ] as const) {
    test(`is named where it cannot be entered: ${what}`, async (t) => {
      await assert.rejects(reserve(t, path, 20_049), (error: Error & { kind: string; hint: string }) => {
        assert.equal(error.kind, "system");
        assert.ok(error.message.startsWith(`the network namespace ${path} cannot be used: `));
        assert.match(error.message, why);
        assert.match(error.hint, /netns=PATH/);
        return true;
      });
    });
  }

  test("has to have its loopback interface up, which is said", async (t) => {
    const path = await namespace(t, ":");
    await assert.rejects(reserve(t, path, 20_049), {
      kind: "system",
      message: /^the network namespace .* cannot be used: its loopback interface is down$/,
      hint: "bring it up in there: ip link set lo up",
    });
  });

  test("is said to be of no use where what makes the sockets dies", async (t) => {
    const path = await namespace(t);
    const network = enter(t, path);
    network.leave();
    await assert.rejects(network.bindFirst([20_049 as Port]), {
      kind: "system",
      message: /node ended in there/,
    });
  });

  test("has no process of ours once the one that asked has died", async (t) => {
    const parent = `
      const { spawn } = require("node:child_process");
      const child = spawn(process.execPath, [process.argv[1]], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
      child.on("message", () => console.log(child.pid)).send({ bind: [] });`;
    const child = spawn(process.execPath, ["-e", parent, socketMaker], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    const [text] = await once(child.stdout, "data");
    const pid = Number(String(text));
    assert.equal(findProcesses((facts) => facts.pid === pid).length, 1);
    child.kill("SIGKILL");
    await eventually("it has ended", () => findProcesses((facts) => facts.pid === pid).length === 0);
  });
});
