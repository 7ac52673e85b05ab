import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TunnelState } from "../../src/core/state/state.ts";
import { CHECKOUT, clock, FILE_SYSTEM, freePort, setUpMachine, timeCommand, timeStunnel } from "./machine.ts";
import { median, type Row } from "./table.ts";

const RUNS = 30;
const STATE_DIRECTORY = "/run/efs";

/** What a TLS mount with a warm key costs until mount.nfs4 takes over. */
export async function measureMount(): Promise<Row[]> {
  const machine = await setUpMachine();
  const mountPoint = join(machine.folder, "mnt");
  mkdirSync(mountPoint);
  const helper = join(CHECKOUT, "bin/mount.efs");
  const args = [`${FILE_SYSTEM}:/`, mountPoint, "-o", "tls"];
  spawnSync(helper, args);
  const config = keepConfig(machine.folder);
  await endTunnels();
  const node: number[] = [];
  const nodeCpu: number[] = [];
  const stunnel: number[] = [];
  const untilMount: number[] = [];
  const cpu: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const began = clock();
    spawnSync(process.execPath, ["-e", "0"]);
    node.push(clock() - began);
    nodeCpu.push(timeCommand(process.execPath, ["-e", "0"]).cpuMs);
    stunnel.push(await timeStunnel(await config.withPort(await freePort()), config.pidFile));
    const startedAt = Date.now() + (performance.now() % 1);
    const { status, stderr } = spawnSync(helper, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`mount.efs ended with ${status}: ${stderr}`);
    untilMount.push(machine.began() - startedAt);
    await endTunnels();
    cpu.push(timeCommand(helper, args).cpuMs);
    await endTunnels();
  }
  const yardstick = median(node);
  const budget = 1.5 * yardstick + median(stunnel);
  const nodeIs = (value: number) => ({ name: "node -e 0", value });
  return [
    { what: "node -e 0", values: node, unit: "ms" },
    { what: "node -e 0, CPU", values: nodeCpu, unit: "ms" },
    { what: "stunnel's own start", values: stunnel, unit: "ms" },
    {
      what: "mount.efs to mount.nfs4, TLS",
      values: untilMount,
      unit: "ms",
      yardstick: nodeIs(yardstick),
      budget,
    },
    {
      what: "mount.efs, TLS, CPU",
      values: cpu,
      unit: "ms",
      yardstick: nodeIs(median(nodeCpu)),
      budget: 2 * median(nodeCpu),
    },
  ];
}

/** A mount's stunnel configuration, kept to start stunnel alone with it. */
function keepConfig(folder: string) {
  const name = readdirSync(STATE_DIRECTORY).find((entry) => entry.startsWith("stunnel-config."));
  if (name === undefined) throw new Error("the first mount made no tunnel");
  const text = readFileSync(join(STATE_DIRECTORY, name), "utf8");
  const certificate = /^cert = (.*)$/m.exec(text)?.[1] ?? "";
  const keptCertificate = join(folder, "client.pem");
  writeFileSync(keptCertificate, readFileSync(certificate));
  const pidFile = join(folder, "stunnel.pid");
  const kept = text
    .replace(/^pid = .*$/m, `pid = ${pidFile}`)
    .replace(/^output = .*$/m, `output = ${join(folder, "stunnel.log")}`)
    .replace(/^cert = .*$/m, `cert = ${keptCertificate}`);
  return {
    pidFile,
    withPort: async (port: number) => {
      rmSync(pidFile, { force: true });
      const path = join(folder, "stunnel.conf");
      writeFileSync(path, kept.replace(/^accept = .*$/m, `accept = 127.0.0.1:${port}`));
      return path;
    },
  };
}

/** Ends the tunnels that mounts left, and takes their files away. */
export async function endTunnels(): Promise<void> {
  for (const name of readdirSync(STATE_DIRECTORY)) {
    if (!/^fs-.*\d$/.test(name)) continue;
    const { keeper } = JSON.parse(readFileSync(join(STATE_DIRECTORY, name), "utf8")) as TunnelState;
    if (keeper === undefined) continue;
    process.kill(keeper.pid, "SIGTERM");
    while (isThere(keeper.pid)) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  for (const name of readdirSync(STATE_DIRECTORY)) rmSync(join(STATE_DIRECTORY, name), { recursive: true });
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
