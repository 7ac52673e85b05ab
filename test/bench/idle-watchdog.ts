// The watchdog of the bench: FOLDER KEEPER. It has one tunnel in FOLDER/state, and a mount table that says
// that the tunnel is in use.

import { mkdirSync, writeFileSync } from "node:fs";
import { startTunnel, stopTunnel } from "../../src/app/tunnel.ts";
import { startWatchdog } from "../../src/app/watchdog.ts";
import { emptyConfig } from "../../src/core/config/config.ts";
import { parsePort } from "../../src/core/ids.ts";
import { formatState } from "../../src/core/state/state.ts";
import { policyOf } from "../../src/core/supervise/policy.ts";
import { tunnelPaths } from "../../src/core/tunnel/names.ts";
import { SYSTEM_KERNEL } from "../../src/system/kernel.ts";
import { openLog } from "../../src/system/log.ts";
import { bindPort } from "../../src/system/network.ts";

const [folder = "", keeper = ""] = process.argv.slice(2);
const stateDirectory = `${folder}/state`;
const PORT = parsePort("20111");
const STUNNEL = "/usr/bin/stunnel";

async function main(): Promise<void> {
  const socket = PORT === undefined ? undefined : await bindPort(PORT);
  if (socket === undefined) throw new Error("the port is taken");
  const { port } = socket;
  const paths = tunnelPaths(stateDirectory, `fs-1.mnt.efs.${port}`);
  mkdirSync(paths.directory);
  const service = `[efs]\nclient = yes\naccept = 127.0.0.1:${port}\nconnect = 127.0.0.1:2\n`;
  const global = `foreground = quiet\nsyslog = no\npid = ${paths.pidFile}\noutput = ${paths.log}\n`;
  writeFileSync(paths.stunnelConfig, global + service);
  const start = { keeperProgram: keeper, stunnel: STUNNEL, paths, port, socket, networkNamespace: undefined };
  const tunnel = await startTunnel(start);
  socket.close();
  const state = {
    pid: tunnel.stunnel.pid,
    pidStartTime: tunnel.stunnel.startTime,
    keeper: tunnel.keeper,
    cmd: [STUNNEL, paths.stunnelConfig],
    files: [paths.stunnelConfig],
    mountpoint: "/mnt/efs",
    mountStateDir: paths.directoryName,
  };
  writeFileSync(paths.stateFile, formatState(state));
  const mount = {
    id: 1,
    device: "0:99",
    mountPoint: "/mnt/efs",
    type: "nfs4",
    source: "127.0.0.1:/",
    superOptions: `rw,port=${port},addr=127.0.0.1`,
  };
  const policy = policyOf(emptyConfig("none"));
  await startWatchdog(
    {
      paths: { stateDirectory, keeper, socketMaker: "/none" },
      kernel: { ...SYSTEM_KERNEL, mounts: () => [mount], nfsClientPorts: () => new Set([port]) },
      log: openLog(`${folder}/watchdog.log`, policy.log),
      hostName: "bench",
      version: "0",
    },
    policy,
  );
  process.once("SIGTERM", async () => {
    await stopTunnel({ keeper: tunnel.keeper, stunnelConfig: paths.stunnelConfig });
    process.exit(0);
  });
  process.stdout.write("ready\n");
}

void main();
