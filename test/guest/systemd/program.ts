/**
 * What runs in a guest whose process 1 is systemd: the product's installation before the boot, the EFS endpoint
 * as a unit, the scenarios as another, and what is to be said where systemd gives the boot up.
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Endpoint } from "../endpoint/endpoint.ts";
import { describe, eventually, must, run } from "../runner/command.ts";
import { Guest } from "../runner/guest.ts";
import { uptime } from "../runner/proc.ts";
import { CONFIGURATION, install, setKeys } from "../runner/product.ts";
import { attempt, type NamedScenario, postMortem, type Result, reportEach } from "../runner/report.ts";
import type { Scenario } from "../runner/scenario.ts";
import { BLACK_HOLE, DIRECTORIES } from "./machine.ts";
import { untilTunnelsAreMounts } from "./systemd.ts";

export async function main(scenarios: NamedScenario[]): Promise<void> {
  const [role] = process.argv.slice(2);
  if (role === "install") await installForBusyMachine(process.env.REPOSITORY ?? "");
  if (role === "endpoint") await serve();
  if (role === "scenarios") await runAll(scenarios);
  if (role === "emergency") await explain();
}

/** As on any machine, but for the time that thirty mounts at once may take on one slow CPU. */
async function installForBusyMachine(repository: string): Promise<void> {
  await install(repository);
  setKeys(join(CONFIGURATION, "efs-utils.conf"), { mount_deadline_sec: "600", tunnel_access: "any" });
}

/** Runs until systemd ends it. */
async function serve(): Promise<void> {
  const endpoint = new Endpoint();
  await endpoint.start(process.env.NFS_SERVER ?? "");
  const systems = [endpoint.first, endpoint.second];
  for (const { id, server } of systems) {
    for (const name of DIRECTORIES) {
      mkdirSync(join(server.directory, name));
      writeFileSync(join(server.directory, name, "name"), `${id}/${name}`);
    }
  }
  // This kind of interface takes every packet and loses it.
  await must("modprobe", ["dummy"]);
  await must("ip", ["link", "add", "hole", "type", "dummy"]);
  await must("ip", ["addr", "add", BLACK_HOLE.network, "dev", "hole"]);
  await must("ip", ["link", "set", "hole", "up"]);
  endpoint.resolve({
    ...Object.fromEntries(systems.map(({ name, front }) => [name, front.address])),
    [BLACK_HOLE.name]: BLACK_HOLE.address,
  });
  cpSync(endpoint.pki.authority, join(CONFIGURATION, "efs-utils.crt"));
  // systemd may be too busy to see who says it, before that program has gone again.
  const isHeard = async () => (await run("systemd-notify", ["--ready"])).status === 0;
  await eventually("systemd hears that the endpoint is ready", isHeard, 60_000);
  setInterval(() => {}, 60_000);
}

async function runAll(scenarios: NamedScenario[]): Promise<void> {
  await reportEach(uptime(), scenarios, runOne);
}

/** The scenarios share the machine: each leaves it as it found it. */
async function runOne(scenario: Scenario): Promise<Result> {
  const begin = uptime();
  const guest = new Guest(new Endpoint());
  let error = await attempt(guest, scenario);
  if (error === "") {
    error = await untilTunnelsAreMounts(guest).catch(async (caught) => {
      await postMortem(guest);
      return String(caught);
    });
  }
  await guest.end();
  const seconds = uptime() - begin;
  return { ok: error === "", seconds, figures: guest.figures, error, log: guest.logText };
}

/** The boot failed: the console tells why. */
async function explain(): Promise<void> {
  for (const args of [
    ["systemctl", "--failed"],
    ["journalctl", "-b", "--no-pager", "-p", "warning"],
  ] as const)
    console.log(describe(await run(args[0], args.slice(1))));
  process.exitCode = 3;
}
