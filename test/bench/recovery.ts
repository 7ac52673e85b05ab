import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTunnel, stopTunnel } from "../../src/app/tunnel.ts";
import { parsePort } from "../../src/core/ids.ts";
import { type TunnelPaths, tunnelPaths } from "../../src/core/tunnel/names.ts";
import { makeDirectory } from "../../src/system/files.ts";
import { bindPort } from "../../src/system/network.ts";
import { CHECKOUT, clock, freePort, SERVER_ADDRESS } from "./machine.ts";
import { median, type Row } from "./table.ts";

const KILLS = 50;
const ANSWER_LIMIT_MS = 20_000;
/** A tunnel that dies younger than this is restarted with a pause after a few times. */
const SETTLED_MS = 1200;
const STUNNEL = "/usr/bin/stunnel";

/** From the death of a tunnel to the first request answered through it again. */
export async function measureRecovery(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "efs-bench-tunnel-"));
  const port = parsePort(String(await freePort()));
  const socket = port === undefined ? undefined : await bindPort(port);
  if (port === undefined || socket === undefined) throw new Error("no port is free");
  const paths = tunnelPaths(folder, `fs-1.mnt.${port}`);
  makeDirectory(paths.directory, 0o700);
  writeFileSync(paths.stunnelConfig, tunnelConfig(paths, port));
  const keeperProgram = join(CHECKOUT, "dist/efs-tunnel-keeper");
  const tunnel = await startTunnel({
    keeperProgram,
    stunnel: STUNNEL,
    paths,
    port,
    socket,
    networkNamespace: undefined,
  });
  socket.close();
  const plain: number[] = [];
  const recoveries: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    plain.push(await timeAnswer(port));
    const pid = Number(readFileSync(paths.pidFile, "utf8"));
    process.kill(pid, kill % 2 === 0 ? "SIGKILL" : "SIGTERM");
    recoveries.push(await timeAnswer(port));
  }
  await stopTunnel({ keeper: tunnel.keeper, stunnelConfig: paths.stunnelConfig });
  const what = "tunnel killed to the next answer";
  const yardstick = { name: "request alone", value: median(plain) };
  return [
    { what: "a request through a tunnel", values: plain, unit: "ms" },
    { what, values: recoveries, unit: "ms", yardstick, budget: 100 },
    { what, values: recoveries, unit: "ms", yardstick, budget: 300, of: "worst" },
  ];
}

function tunnelConfig(paths: TunnelPaths, port: number): string {
  return [
    "foreground = quiet",
    `pid = ${paths.pidFile}`,
    "syslog = no",
    "debug = notice",
    `output = ${paths.log}`,
    "[efs]",
    "client = yes",
    `accept = 127.0.0.1:${port}`,
    `connect = ${SERVER_ADDRESS}:2049`,
    "sslVersion = TLSv1.2",
    "verify = 2",
    "CAfile = /etc/amazon/efs/efs-utils.crt",
    "",
  ].join("\n");
}

/** How long it takes until a request is answered, with a new connection for each try. */
async function timeAnswer(port: number): Promise<number> {
  const began = clock();
  while (clock() - began < ANSWER_LIMIT_MS) {
    if (await isAnswered(port)) return clock() - began;
  }
  throw new Error(`no answer through port ${port} within ${ANSWER_LIMIT_MS} ms`);
}

function isAnswered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("?"));
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => {});
    socket.once("close", () => setImmediate(resolve, false));
  });
}
