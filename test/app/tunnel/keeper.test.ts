import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { stunnelOf } from "../../../src/app/tunnel/start.ts";
import { findProcesses } from "../../../src/system/procfs.ts";
import { eventually, kill, Rig, signal } from "../../support/watchdog-rig.ts";

/** The stunnel that runs now, other than the given one. */
async function nextStunnel(tunnel: Awaited<ReturnType<Rig["tunnel"]>>, before: number): Promise<number> {
  let pid = before;
  await eventually("another stunnel runs", () => {
    pid = stunnelOf(tunnel.paths)?.pid ?? before;
    return pid !== before;
  });
  return pid;
}

/** Whether a signal has stopped a process; false for one that is gone. */
function isStopped(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && / T \d/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

// most of their time is spent waiting for processes
describe("a keeper", { concurrency: 4 }, () => {
  test("a keeper replaces a stunnel that listened at once, five times in a row, then it waits", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const waits = () =>
      [...readFileSync(tunnel.paths.log, "utf8").matchAll(/next one in (\d+) s/g)].map(([, wait]) =>
        Number(wait),
      );
    let { pid } = tunnel.state();
    for (let round = 0; round < 5; round += 1) {
      await kill(pid);
      pid = await nextStunnel(tunnel, pid);
    }
    assert.deepEqual(waits(), [0, 0, 0, 0, 0]);
    await kill(pid);
    await eventually("it waits", () => waits().length === 6);
    assert.equal(waits().at(-1), 1);
    assert.equal(await tunnel.isListening(), true);
  });

  test("a keeper is not what the kernel kills where memory runs out, and stunnel is as before", async (t) => {
    const rig = new Rig(t);
    const { pid, keeper } = (await rig.tunnel()).state();
    // CAP_SYS_RESOURCE, capabilities(7): not every container has it
    const capabilities = /^CapEff:\s+(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    const mayBeSpared = ((BigInt(`0x${capabilities}`) >> 24n) & 1n) === 1n;
    const adjustment = (process: number | "self") =>
      Number(readFileSync(`/proc/${process}/oom_score_adj`, "utf8"));
    assert.equal(adjustment(keeper?.pid ?? 0), mayBeSpared ? -1000 : adjustment("self"));
    assert.equal(adjustment(pid), adjustment("self"));
  });

  test("keeper and stunnel may open few files, and leave no core dump with the private key", async (t) => {
    const { pid, keeper } = (await new Rig(t).tunnel()).state();
    for (const process of [pid, keeper?.pid]) {
      const limits = readFileSync(`/proc/${process}/limits`, "utf8");
      assert.match(limits, /^Max open files +256 +256 /m);
      assert.match(limits, /^Max core file size +0 +0 /m);
    }
  });

  test("a keeper that cannot empty the log goes on, and has stunnel back when that can start", async (t) => {
    const tunnel = await new Rig(t).tunnel();
    const { log, pidFile } = tunnel.paths;
    const { pid } = tunnel.state();
    renameSync(log, `${log}.old`);
    mkdirSync(log);
    writeFileSync(pidFile, "");
    await kill(pid);
    const said = () => readFileSync(`${log}.old`, "utf8");
    await eventually("stunnel does not start", () => /next one in 1 s/.test(said()));
    rmdirSync(log);
    assert.notEqual(await nextStunnel(tunnel, pid), pid);
  });

  test("a keeper that waits tries at once when it gets SIGHUP", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const config = readFileSync(tunnel.paths.stunnelConfig);
    const { pid, keeper } = tunnel.state();
    rmSync(tunnel.paths.stunnelConfig);
    await kill(pid);
    const log = () => readFileSync(tunnel.paths.log, "utf8");
    await eventually("it waits two seconds", () => /next one in 2 s/.test(log()));
    // a wait that is stopped does not end by itself
    let waiting = 0;
    t.after(() => kill(waiting));
    await eventually("its wait is stopped", () => {
      const ofKeeper = findProcesses(({ parent, argv }) => parent === keeper?.pid && argv[0] === "sleep");
      waiting = ofKeeper[0]?.pid ?? 0;
      signal(waiting, "SIGSTOP");
      return isStopped(waiting);
    });
    writeFileSync(tunnel.paths.stunnelConfig, config);
    process.kill(keeper?.pid ?? 0, "SIGHUP");
    await nextStunnel(tunnel, pid);
    assert.ok(isStopped(waiting));
  });
});
