import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { startTunnel, stunnelOf } from "../../../src/app/tunnel/start.ts";
import { processFacts } from "../../../src/system/procfs.ts";
import { inNamespaces } from "../../fakes/namespaces.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { boundPort } from "../../support/own-tunnel.ts";
import { eventually, KEEPER, kill, Rig, STUNNEL, signal } from "../../support/watchdog-rig.ts";

/** How long strace(1) holds a shell that has just waited for a process, in microseconds. */
const HELD_US = 300_000;

await inNamespaces(["--pid", "--mount-proc"], () => {
  test("a keeper replaces a stunnel whose pid is another process's by now", async (t) => {
    const rig = new Rig(t);
    const { paths } = await rig.tunnel({ runs: "no" });
    const keeperProgram = `${temporaryDirectory(t, "keeper")}/efs-tunnel-keeper`;
    const strace = [
      "strace",
      "-qq",
      "-o/dev/null",
      "-D",
      "-etrace=wait4",
      `-einject=wait4:delay_exit=${HELD_US}`,
    ];
    writeFileSync(keeperProgram, `#!/bin/sh\nexec ${strace.join(" ")} /bin/sh ${KEEPER} "$@"\n`);
    chmodSync(keeperProgram, 0o755);
    const socket = await boundPort();
    const config = paths.stunnelConfig;
    const start = { keeperProgram, stunnel: STUNNEL, paths, port: socket.port, networkNamespace: undefined };
    const { stunnel } = await startTunnel({ ...start, socket });
    socket.close();
    assert.notEqual(processFacts(stunnel.pid), undefined, config);
    signal(stunnel.pid, "SIGKILL");
    const stranger = await takePid(stunnel.pid);
    t.after(() => kill(stunnel.pid));
    await eventually("another stunnel runs", () => (stunnelOf(paths)?.pid ?? stunnel.pid) !== stunnel.pid);
    assert.equal(stranger.exitCode, null);
  });
});

/** A process of somebody else's with exactly this pid, as soon as it is free. */
async function takePid(pid: number): Promise<ChildProcess> {
  for (;;) {
    await eventually("the pid is free", () => !existsSync(`/proc/${pid}`));
    writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    if (child.pid === pid) return child;
    // a thread was quicker
    child.kill("SIGKILL");
  }
}
