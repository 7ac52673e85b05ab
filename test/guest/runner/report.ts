/** Runs scenarios one after another and tells the host of each. */
import { appendFileSync, closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run, slowness } from "./command.ts";
import type { Guest } from "./guest.ts";
import type { GuestRecord, Scenario } from "./scenario.ts";

const OUT = process.env.GUEST_OUT ?? "/tmp";

/** For what comes after a scenario's body: what it started goes away, or is removed by force and looked at. */
const CLEAR_AWAY_MS = 120_000;

export interface NamedScenario {
  name: string;
  scenario: Scenario;
}

export type Result = Omit<Extract<GuestRecord, { type: "end" }>, "type" | "name">;

/**
 * @param readySeconds how long it took to get ready for the first one
 * @param isOurs asked when a scenario's turn has come: whether it is to be run here
 */
export async function reportEach(
  readySeconds: number,
  scenarios: NamedScenario[],
  runOne: (scenario: Scenario) => Promise<Result>,
  isOurs: (name: string) => boolean = () => true,
): Promise<void> {
  const records = openSync(join(OUT, "records.jsonl"), "a");
  const tell = (record: GuestRecord) => {
    writeSync(records, `${JSON.stringify(record)}\n`);
    fsyncSync(records); // The host reads along.
  };
  tell({ type: "ready", seconds: readySeconds });
  for (const { name, scenario } of scenarios) {
    if (!isOurs(name)) continue;
    tell({ type: "begin", name, limitMs: (scenario.limitMs + CLEAR_AWAY_MS) * slowness });
    const result = await runOne(scenario);
    appendFileSync(join(OUT, "scenarios.log"), `== ${name}\n${result.error}\n${result.log}\n\n`);
    tell({ type: "end", name, ...result });
  }
  closeSync(records);
}

/** Runs a scenario's body, within its time limit; answers what went wrong, or "". */
export async function attempt(guest: Guest, { body, limitMs }: Scenario): Promise<string> {
  try {
    const late = sleep(limitMs * slowness, undefined, { ref: false }).then(() => {
      throw new Error(`the scenario's time limit of ${(limitMs / 1000) * slowness} s is over`);
    });
    await Promise.race([body(guest), late]);
    return "";
  } catch (caught) {
    await postMortem(guest);
    return caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
  }
}

/** Everything that helps to understand a failure. */
export async function postMortem(guest: Guest): Promise<void> {
  const sections: [string, string][] = [
    ["processes", "busybox ps -o pid,ppid,stat,args | grep -v '\\[.*\\]$'"],
    ["mounts", "grep nfs4 /proc/self/mounts; cat /proc/fs/nfsfs/servers"],
    ["state", "ls -laR /run/efs; tail -n 40 /run/efs/fs-* /run/efs/~* /run/efs/stunnel-config.* 2>/dev/null"],
    ["logs", "tail -n 40 /var/log/amazon/efs/* /run/watchdog.out"],
    ["endpoint", "tail -n 15 /run/endpoint/*.log"],
    ["systemd", "[ -d /run/systemd/system ] && systemctl --failed && journalctl --no-pager -n 60"],
    ["kernel", "dmesg | tail -n 15"],
  ];
  for (const [title, script] of sections) {
    const done = await run("/bin/sh", ["-c", script], { timeoutMs: 5_000 });
    guest.log(`--- ${title}\n${done.stdout}${done.stderr}`);
  }
}
