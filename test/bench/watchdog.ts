import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { CHECKOUT } from "./machine.ts";
import type { Row } from "./table.ts";

const IDLE_SECONDS = 20;
const SETTLE_MS = 2000;
const TICKS_A_SECOND = 100;

/**
 * What a watchdog with one mount costs while nothing happens. This kernel has no NFS client: the watchdog's
 * own code runs, bundled as it is shipped, over a mount table that says that the mount is there.
 */
export async function measureWatchdog(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "efs-bench-watchdog-"));
  mkdirSync(join(folder, "state"));
  const program = join(folder, "watchdog.cjs");
  await build({
    entryPoints: [join(CHECKOUT, "test/bench/idle-watchdog.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: "error",
  });
  const node = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
  const watchdog = spawn(process.execPath, [program, folder, join(CHECKOUT, "dist/efs-tunnel-keeper")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await new Promise((resolve) => watchdog.stdout.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const [before, nodeBefore] = [cpuTicks(watchdog), cpuTicks(node)];
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const percent = (ticks: number) => (100 * ticks) / (TICKS_A_SECOND * IDLE_SECONDS);
    const nodeMemory = residentMib(node);
    return [
      { what: "node, idle, memory", values: [nodeMemory], unit: "MiB" },
      { what: "node, idle, CPU", values: [percent(cpuTicks(node) - nodeBefore)], unit: "%" },
      {
        what: "watchdog, one mount, memory",
        values: [residentMib(watchdog)],
        unit: "MiB",
        yardstick: { name: "node, idle", value: nodeMemory },
        budget: 60,
      },
      {
        what: `watchdog, one mount, CPU in ${IDLE_SECONDS} s`,
        values: [percent(cpuTicks(watchdog) - before)],
        unit: "%",
        budget: 0.2,
      },
    ];
  } finally {
    watchdog.kill("SIGTERM");
    node.kill("SIGKILL");
  }
}

/** User and system time of a process, /proc/PID/stat fields 14 and 15 (proc(5)). */
function cpuTicks({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function residentMib({ pid }: ChildProcess): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}
