/** Runs in the guest: all scenarios one after another, each in a fresh state. */
import { appendFileSync, closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Endpoint } from "../endpoint/endpoint.ts";
import { run } from "./command.ts";
import { Guest } from "./guest.ts";
import { leaks, type Snapshot, snapshot, sweep } from "./leaks.ts";
import { uptime } from "./proc.ts";
import { install, pristine } from "./product.ts";
import type { GuestRecord, Scenario } from "./scenario.ts";

const OUT = process.env.GUEST_OUT ?? "/tmp";
/** How long what a scenario started may take to go away after its end. */
const SETTLE_MS = 15_000;

export async function runScenarios(scenarios: { name: string; scenario: Scenario }[]): Promise<void> {
  const records = openSync(join(OUT, "records.jsonl"), "a");
  const tell = (record: GuestRecord) => {
    writeSync(records, `${JSON.stringify(record)}\n`);
    fsyncSync(records); // The host reads along.
  };
  const begin = performance.now();
  const endpoint = new Endpoint();
  await endpoint.start(process.env.NFS_SERVER ?? "");
  await install(process.env.REPOSITORY ?? "", endpoint.pki.authority);
  tell({ type: "ready", seconds: (performance.now() - begin) / 1000 });
  for (const { name, scenario } of scenarios) {
    tell({ type: "begin", name });
    const result = await runOne(endpoint, scenario);
    appendFileSync(join(OUT, "scenarios.log"), `== ${name}\n${result.error}\n${result.log}\n\n`);
    tell({ type: "end", name, ...result });
  }
  closeSync(records);
  process.exit(0); // The endpoint's servers end with the guest.
}

async function runOne(endpoint: Endpoint, { body, limitMs }: Scenario) {
  const begin = uptime();
  await endpoint.reset();
  pristine();
  const before = snapshot();
  const guest = new Guest(endpoint);
  let error = "";
  try {
    const late = sleep(limitMs, undefined, { ref: false }).then(() => {
      throw new Error(`the scenario's time limit of ${limitMs / 1000} s is over`);
    });
    await Promise.race([body(guest), late]);
  } catch (caught) {
    error = caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
    await postMortem(guest);
  }
  // While the watchdog still runs, everything but what the scenario itself runs has to go; then that, too.
  if (error === "") await settle(before, SETTLE_MS, ["mounts", "clients", "listeners", "files"]);
  await guest.end();
  const left = await settle(before, 3_000);
  if (error === "" && left.length > 0) {
    error = `left behind:\n${left.join("\n")}`;
    await postMortem(guest);
  }
  for (const line of left) guest.log(`left: ${line}`);
  if (error !== "") {
    const servers = [endpoint.first, endpoint.second].map(({ server }) => server.address);
    await sweep(before, servers);
  }
  const seconds = uptime() - begin;
  return { ok: error === "", seconds, figures: guest.figures, error, log: guest.logText };
}

/** Waits until nothing is left, and answers what stays. */
async function settle(before: Snapshot, limitMs: number, kinds?: (keyof Snapshot)[]): Promise<string[]> {
  const begin = performance.now();
  for (;;) {
    const left = leaks(before, kinds);
    if (left.length === 0 || performance.now() - begin > limitMs) return left;
    await sleep(100);
  }
}

/** Everything that helps to understand a failure. */
async function postMortem(guest: Guest): Promise<void> {
  const sections: [string, string][] = [
    ["processes", "busybox ps -o pid,ppid,stat,args | grep -v '\\[.*\\]$'"],
    ["mounts", "grep nfs4 /proc/self/mounts; cat /proc/fs/nfsfs/servers"],
    ["state", "ls -laR /run/efs; tail -n 40 /run/efs/fs-* /run/efs/~* /run/efs/stunnel-config.* 2>/dev/null"],
    ["logs", "tail -n 40 /var/log/amazon/efs/* /run/watchdog.out"],
    ["endpoint", "tail -n 15 /run/endpoint/*.log"],
    ["kernel", "dmesg | tail -n 15"],
  ];
  for (const [title, script] of sections) {
    const done = await run("/bin/sh", ["-c", script], { timeoutMs: 5_000 });
    guest.log(`--- ${title}\n${done.stdout}${done.stderr}`);
  }
}
