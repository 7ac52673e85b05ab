// Runs in a pid namespace of its own: see watchdog-pids.test.ts.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { isAlive, processFacts } from "../../src/system/procfs.ts";
import { eventually, kill, Rig } from "./watchdog-rig.ts";

const after: (() => unknown)[] = [];
const rig = new Rig({ after: (action: () => unknown) => after.push(action) } as never);

/** A process of somebody else's with exactly this pid. */
async function takePid(pid: number): Promise<ChildProcess> {
  await eventually("the pid is free", () => !existsSync(`/proc/${pid}`));
  for (let tries = 0; tries < 100; tries += 1) {
    writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    after.push(() => child.kill("SIGKILL"));
    if (child.pid === pid) return child;
    // a thread was quicker
    child.kill("SIGKILL");
  }
  throw new Error(`pid ${pid} cannot be had`);
}

try {
  const tunnels = [await rig.tunnel({ runs: "alone" }), await rig.tunnel()];
  const before = tunnels.map((tunnel) => tunnel.state());
  const strangers: number[] = [];
  for (const { pid, keeper } of before) {
    if (keeper !== undefined) await kill(keeper.pid);
    await kill(pid);
    strangers.push((await takePid(pid)).pid ?? 0);
    if (keeper !== undefined) strangers.push((await takePid(keeper.pid)).pid ?? 0);
  }
  const identities = strangers.map((pid) => processFacts(pid));
  await rig.watch();
  for (const [index, tunnel] of tunnels.entries()) {
    await eventually("it runs again", () => tunnel.state().pid !== before[index]?.pid);
    tunnel.unmount();
    await eventually("it has ended", () => !existsSync(tunnel.paths.stateFile));
  }
  for (const identity of identities) assert.ok(identity !== undefined && isAlive(identity));
} finally {
  for (const action of after) await action();
}
