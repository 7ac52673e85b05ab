import assert from "node:assert/strict";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { removeTunnelFiles, startTunnel, stopTunnel, stunnelOf } from "../../../src/app/tunnel/start.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { tunnelPaths } from "../../../src/core/tunnel/names.ts";
import { findProcesses, isAlive, listenerInode, processFacts } from "../../../src/system/procfs.ts";
import { Authority, tcpServer, temporaryDirectory, tlsServer } from "../../support/authority.ts";
import { Child } from "../../support/children.ts";
import { boundPort, ownTunnel } from "../../support/own-tunnel.ts";
import { eventually, freePort, KEEPER, STUNNEL } from "../../support/watchdog-rig.ts";

const HOST = "fs-1.efs.us-east-1.amazonaws.com";
const TARGET = { fsId: "fs-1", region: "us-east-1", dnsName: HOST, certificateName: HOST } as ResolvedTarget;
const LOOSE = { target: TARGET, caFile: "/none", verify: 0, checkHostName: false } as const;

/** The processes that have a file of this directory among their arguments. */
const processesOf = (directory: string) =>
  findProcesses(({ argv }) => argv.some((argument) => argument.startsWith(directory)));

describe("tunnels", { concurrency: true }, () => {
  for (const inherits of [true, false]) {
    test(`one that ${inherits ? "inherits its socket" : "binds for itself"} is proven to be the port's listener`, async (t) => {
      const authority = new Authority(temporaryDirectory(t, "authority"), "authority");
      const server = await tlsServer(t, authority.server({ host: HOST }));
      const settings = { target: TARGET, caFile: authority.certificate };
      const { running, port, paths, ...tunnel } = await ownTunnel(t, { server, settings, inherits });
      const { keeper, stunnel } = running;
      assert.ok(isAlive(keeper) && isAlive(stunnel));
      assert.deepEqual(processFacts(stunnel.pid)?.argv, [STUNNEL, paths.stunnelConfig]);
      assert.equal(processFacts(stunnel.pid)?.parent, keeper.pid);
      assert.equal(readFileSync(paths.pidFile, "utf8").trim(), String(stunnel.pid));
      const held = (pid: number) =>
        readdirSync(`/proc/${pid}/fd`).some(
          (name) => readlinkSync(`/proc/${pid}/fd/${name}`) === `socket:[${listenerInode(port)}]`,
        );
      assert.equal(held(stunnel.pid), true);
      assert.equal(held(keeper.pid), inherits);
      tunnel.connect();
      await eventually("the server is accepted", () => /Certificate accepted/.test(tunnel.log()));
    });
  }

  test("keeper and stunnel have a session of their own, and nothing of ours", async (t) => {
    const secret = join(temporaryDirectory(t, "secret"), "secret");
    writeFileSync(secret, "");
    const { running } = await ownTunnel(t, { server: await freePort(), settings: LOOSE });
    for (const { pid } of [running.keeper, running.stunnel]) {
      const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3];
      assert.equal(session, String(running.keeper.pid));
      assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
      assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null");
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
      assert.deepEqual(
        environment
          .map((each) => each.split("=")[0])
          .filter((name) => !/^(|PATH|LANG|LC_ALL|PWD|LISTEN_\w+|OLDPWD|_)$/.test(name ?? "")),
        [],
      );
    }
  });

  test("one that is stopped leaves no process and no listener", async (t) => {
    const { running, port, paths } = await ownTunnel(t, { server: await freePort(), settings: LOOSE });
    await stopTunnel({ keeper: running.keeper, stunnelConfig: paths.stunnelConfig });
    assert.deepEqual([isAlive(running.keeper), isAlive(running.stunnel)], [false, false]);
    assert.equal(listenerInode(port), undefined);
    let told = false;
    void running.ended.then(() => {
      told = true;
    });
    await eventually("the end is told", () => told);
    await stopTunnel({ keeper: running.keeper, stunnelConfig: paths.stunnelConfig });
  });

  test("one is stopped by its configuration where its keeper is gone or not known", async (t) => {
    const { running, paths } = await ownTunnel(t, { server: await freePort(), settings: LOOSE });
    process.kill(running.keeper.pid, "SIGKILL");
    await eventually("the keeper is gone", () => !isAlive(running.keeper));
    assert.ok(isAlive(running.stunnel));
    await stopTunnel({ keeper: undefined, stunnelConfig: paths.stunnelConfig });
    assert.equal(isAlive(running.stunnel), false);
  });

  test("a process that got the keeper's pid later is left alone", async (t) => {
    const other = new Child(t, "/bin/sh", ["-c", "echo ready; read x"]);
    assert.equal(await other.line(), "ready");
    const facts = processFacts(other.pid);
    assert.ok(facts !== undefined);
    const keeper = { pid: facts.pid, startTime: facts.startTime - 1 };
    await stopTunnel({ keeper, stunnelConfig: "/nowhere/stunnel-config.fs-1.x.1" });
    assert.equal(isAlive(facts), true);
  });

  test("what does not end when it is asked to is ended", async (t) => {
    const config = join(temporaryDirectory(t, "stubborn"), "stunnel-config.fs-1.x.1");
    const script = `exec -a stunnel /bin/sh -c "trap '' TERM; echo ready; read x; read x" stunnel "$0"`;
    const child = new Child(t, "/bin/bash", ["-c", script, config]);
    assert.equal(await child.line(), "ready");
    await stopTunnel({ keeper: undefined, stunnelConfig: config });
    assert.equal(processFacts(child.pid), undefined);
  });

  test("an editor that has the configuration open is not ended with the tunnel", async (t) => {
    const config = join(temporaryDirectory(t, "edited"), "stunnel-config.fs-1.x.1");
    const editor = new Child(t, "/bin/sh", ["-c", "echo ready; read x", "vi", config]);
    assert.equal(await editor.line(), "ready");
    await stopTunnel({ keeper: undefined, stunnelConfig: config });
    assert.notEqual(processFacts(editor.pid), undefined);
  });

  const FAILURES: [what: string, config: string, says: RegExp][] = [
    ["a wrong option", "foreground = quiet\n[efs]\nnonsense = 1\n", /stunnel ended at once.*nonsense/],
    [
      "a certificate that is not there",
      "foreground = quiet\n[efs]\nclient = yes\naccept = 127.0.0.1:1\nconnect = 1\ncert = /none\n",
      /No such file or directory/,
    ],
  ];
  for (const [what, config, says] of FAILURES) {
    test(`one that does not start for ${what} says why, and leaves no process`, async (t) => {
      const directory = temporaryDirectory(t, "failing");
      const socket = await boundPort();
      t.after(() => socket.close());
      const paths = tunnelPaths(directory, `fs-1.x.${socket.port}`);
      mkdirSync(paths.directory);
      writeFileSync(paths.stunnelConfig, `pid = ${paths.pidFile}\n${config}`);
      const start = {
        keeperProgram: KEEPER,
        stunnel: STUNNEL,
        paths,
        port: socket.port,
        socket,
        networkNamespace: undefined,
      };
      await assert.rejects(startTunnel(start), {
        name: "EfsError",
        kind: "system",
        message: says,
        hint: /stunnel/,
      });
      assert.deepEqual(processesOf(directory), []);
    });
  }

  test("a start that is given up ends with the reason, and leaves no process", async (t) => {
    const directory = temporaryDirectory(t, "given-up");
    const socket = await boundPort();
    t.after(() => socket.close());
    const paths = tunnelPaths(directory, `fs-1.x.${socket.port}`);
    mkdirSync(paths.directory);
    const hanging = join(directory, "hanging");
    writeFileSync(hanging, "#!/bin/sh\nexec sleep 1000\n", { mode: 0o755 });
    writeFileSync(paths.stunnelConfig, "");
    const start = {
      keeperProgram: KEEPER,
      stunnel: hanging,
      paths,
      port: socket.port,
      socket,
      networkNamespace: undefined,
    };
    const controller = new AbortController();
    const starting = startTunnel(start, controller.signal);
    await eventually("it runs", () => processesOf(directory).length > 0);
    const reason = new Error("given up");
    controller.abort(reason);
    await assert.rejects(starting, reason);
    assert.deepEqual(processesOf(directory), []);
  });

  test("a stunnel that does not have the socket it was handed is not taken for the port's listener", async (t) => {
    const directory = temporaryDirectory(t, "foreign");
    const socket = await boundPort();
    t.after(() => socket.close());
    const paths = tunnelPaths(directory, `fs-1.x.${socket.port}`);
    mkdirSync(paths.directory);
    const foreign = join(directory, "foreign");
    const script = `exec 3</dev/null; echo $$ >${paths.pidFile}; while :; do sleep 0.01; done`;
    writeFileSync(foreign, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    writeFileSync(paths.stunnelConfig, "");
    const start = {
      keeperProgram: KEEPER,
      stunnel: foreign,
      paths,
      port: socket.port,
      socket,
      networkNamespace: undefined,
    };
    const controller = new AbortController();
    let accepted = false;
    const starting = startTunnel(start, controller.signal).then(() => {
      accepted = true;
    });
    await eventually("it runs", () => stunnelOf(paths) !== undefined);
    // each change of the directory has it looked at again
    for (let change = 0; change < 5; change += 1) {
      writeFileSync(`${paths.directory}/change`, String(change));
      await readFile(`${paths.directory}/change`);
    }
    const reason = new Error("given up");
    controller.abort(reason);
    await assert.rejects(starting, reason);
    assert.equal(accepted, false);
    assert.deepEqual(processesOf(directory), []);
  });

  test("only a living stunnel with this configuration is the one of a pid file", async (t) => {
    const { paths, running } = await ownTunnel(t, { server: await freePort(), settings: LOOSE });
    assert.equal(stunnelOf(paths)?.pid, running.stunnel.pid);
    assert.equal(stunnelOf({ ...paths, stunnelConfig: `${paths.stunnelConfig}x` }), undefined);
    for (const text of ["", "\n", "x", "0", "-1", "1", String(process.pid), "1e9", "99999999"]) {
      const pidFile = `${paths.directory}/other.pid`;
      writeFileSync(pidFile, text);
      assert.equal(stunnelOf({ ...paths, pidFile }), undefined, JSON.stringify(text));
    }
    assert.equal(stunnelOf({ ...paths, pidFile: `${paths.directory}/missing.pid` }), undefined);
  });

  test("all files of a tunnel are removed, and none of others", async (t) => {
    const directory = temporaryDirectory(t, "files");
    const [paths, others] = ["fs-1.x.1", "fs-1.x.10"].map((base) => tunnelPaths(directory, base));
    assert.ok(paths !== undefined && others !== undefined);
    for (const each of [paths, others]) {
      mkdirSync(each.directory);
      for (const file of [
        each.stateFile,
        each.unfinishedStateFile,
        each.stunnelConfig,
        each.certificate,
        each.log,
      ]) {
        writeFileSync(file, "");
      }
    }
    removeTunnelFiles(paths);
    removeTunnelFiles(paths);
    assert.deepEqual(readdirSync(directory).sort(), [
      "fs-1.x.10",
      "fs-1.x.10+",
      "stunnel-config.fs-1.x.10",
      "~fs-1.x.10",
    ]);
    assert.equal(existsSync(others.certificate), true);
  });

  test("the tunnel's log can be read by its owner alone", async (t) => {
    const { paths } = await ownTunnel(t, { server: await freePort(), settings: LOOSE });
    assert.equal(statSync(paths.log).mode & 0o077, 0);
  });

  test("bytes go through the tunnel and back as they are", async (t) => {
    const authority = new Authority(temporaryDirectory(t, "authority"), "authority");
    const { key, cert } = authority.server({ host: HOST });
    const server = await tlsServer(t, { key, cert }, (socket) => void socket.pipe(socket));
    const tunnel = await ownTunnel(t, {
      server,
      settings: { target: TARGET, caFile: authority.certificate },
    });
    const sent = Buffer.alloc(300_000, "0123456789");
    const socket = connect(tunnel.port, "127.0.0.1");
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    socket.write(sent);
    await eventually(
      "all of it is back",
      () => parts.reduce((sum, part) => sum + part.length, 0) >= sent.length,
    );
    assert.ok(Buffer.concat(parts).equals(sent));
    socket.destroy();
    await once(socket, "close");
  });

  test("a server without TLS gets nothing of what is sent", async (t) => {
    const heard: Buffer[] = [];
    const server = await tcpServer(t, (socket) => socket.on("data", (part) => heard.push(part)));
    const tunnel = await ownTunnel(t, { server, settings: LOOSE });
    const socket = connect(tunnel.port, "127.0.0.1").on("error", () => {});
    socket.write("PLAIN TEXT");
    await eventually("it hears something", () => heard.length > 0);
    assert.ok(!Buffer.concat(heard).includes("PLAIN"));
    socket.destroy();
  });
});
