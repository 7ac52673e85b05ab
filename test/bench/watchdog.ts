import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { WritingServer } from "../faults/writing-load.ts";
import { type WatchdogProcess, WatchdogProcesses } from "../support/watchdog-process.ts";
import { eventually, Rig } from "../support/watchdog-rig.ts";
import { clearingUp } from "./clean-ups.ts";
import { clock } from "./machine.ts";
import { median, type Row } from "./table.ts";

const RUNS = 10;
/** It looks at everything once in this time. */
const IDLE_SECONDS = 30;
const TICKS_A_SECOND = 100;
/** So many tunnels are made at the same time. */
const MAKERS = 4;

interface Budget {
  readonly what: string;
  readonly mounts: number;
  readonly memoryMib: number;
  readonly cpuPercent: number;
  /** In the first minute it asks all servers for a sign of life, and then each once in five minutes. */
  readonly settleMs: number;
}

const BUDGETS: readonly Budget[] = [
  { what: "one mount", mounts: 1, memoryMib: 60, cpuPercent: 0.2, settleMs: 2000 },
  { what: "400 mounts", mounts: 400, memoryMib: 90, cpuPercent: 0.5, settleMs: 75_000 },
];
const START_MS = 2000;
const LOOK_MS = 200;

/**
 * What a watchdog costs while nothing happens, and how soon it has taken over what is there. This kernel has no
 * NFS client: the watchdog's own code runs, bundled as it is shipped, over real tunnels and a mount table that
 * says that their mounts are there.
 */
export async function measureWatchdog(): Promise<Row[]> {
  const node = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
  try {
    const starts: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const began = clock();
      spawnSync(process.execPath, ["-e", "0"]);
      starts.push(clock() - began);
    }
    const before = cpuTicks(node.pid);
    const rows: Row[] = [];
    const began = clock();
    for (const budget of BUDGETS) rows.push(...(await measureMounts(budget, node.pid, median(starts))));
    const idle = percent(cpuTicks(node.pid) - before, (clock() - began) / 1000);
    return [
      { what: "node, idle, memory", values: [residentMib(node.pid)], unit: "MiB" },
      { what: "node, idle, CPU", values: [idle], unit: "%" },
      ...rows,
    ];
  } finally {
    node.kill("SIGKILL");
  }
}

function measureMounts(
  { what, mounts, memoryMib, cpuPercent, settleMs }: Budget,
  node: number | undefined,
  nodeMs: number,
) {
  return clearingUp(async (test): Promise<Row[]> => {
    const server = await WritingServer.start();
    const rig = new Rig(test as TestContext);
    test.after(() => server.close());
    let left = mounts;
    const make = async () => {
      for (; left > 0; ) {
        left -= 1;
        await rig.tunnel({ connect: server.port });
      }
    };
    await Promise.all(Array.from({ length: MAKERS }, make));
    const watchdogs = new WatchdogProcesses(test, rig);
    const starts: number[] = [];
    let watchdog: WatchdogProcess | undefined;
    for (let run = 0; run < RUNS; run += 1) {
      await watchdog?.kill();
      const began = clock();
      const started = watchdogs.start();
      await eventually("it has taken over all", () => started.logged(/^INFO Watching/).length > 0);
      starts.push(clock() - began);
      watchdog = started;
      const [line = ""] = started.logged(/^INFO Watching/);
      const all = new RegExp(`: ${mounts} tunnels?, ${mounts} of them running$`);
      if (!all.test(line)) throw new Error(line);
    }
    if (watchdog === undefined) throw new Error("no watchdog runs");
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const before = cpuTicks(watchdog.pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const idle = percent(cpuTicks(watchdog.pid) - before, IDLE_SECONDS);
    const memory = residentMib(watchdog.pid);
    const looks = await timeLooks(watchdog);
    return [
      {
        what: `watchdog, ${what}, memory`,
        values: [memory],
        unit: "MiB",
        yardstick: { name: "node, idle", value: residentMib(node) },
        budget: memoryMib,
      },
      { what: `watchdog, ${what}, CPU in ${IDLE_SECONDS} s`, values: [idle], unit: "%", budget: cpuPercent },
      {
        what: `watchdog, ${what}, start until all is taken over`,
        values: starts,
        unit: "ms",
        yardstick: { name: "node -e 0", value: nodeMs },
        budget: START_MS,
      },
      { what: `watchdog, ${what}, a look at everything`, values: looks, unit: "ms", budget: LOOK_MS },
    ];
  });
}

/** How long a full look takes, as the watchdog measures it itself. */
async function timeLooks(watchdog: WatchdogProcess): Promise<number[]> {
  const looked = () => watchdog.logged(/^DEBUG everything was looked at in/);
  for (let run = 1; run <= RUNS; run += 1) {
    process.kill(watchdog.pid, "SIGHUP");
    await eventually("it has looked", () => looked().length === run);
  }
  return looked().map((line) => Number(/in (\S+) ms$/.exec(line)?.[1]));
}

const percent = (ticks: number, seconds: number) => (100 * ticks) / (TICKS_A_SECOND * seconds);

/** User and system time of a process, /proc/PID/stat fields 14 and 15 (proc(5)). */
function cpuTicks(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function residentMib(pid: number | undefined): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}
