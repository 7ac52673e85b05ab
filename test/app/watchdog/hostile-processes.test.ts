import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { straysIn } from "../../../src/app/watchdog/watch-loop.ts";
import { formatState } from "../../../src/core/state/state.ts";
import { processFacts } from "../../../src/system/procfs.ts";
import { compiled } from "../../fixtures/compiled.ts";
import type { Test } from "../../support/authority.ts";
import { Child } from "../../support/children.ts";
import { eventually, kill, Rig, type RigTunnel, signal } from "../../support/watchdog-rig.ts";

const NOBODY = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];

/** A process that calls itself stunnel, has a tunnel's configuration among its arguments, and does nothing. */
async function impostor(test: Test, config: string, user: "root" | "nobody"): Promise<Child> {
  const script = 'exec -a stunnel perl -e \'$| = 1; print "ready\\n"; sleep 600\' "$1"';
  const shell = ["bash", "-c", script, "bash", config];
  const [program = "", ...args] = user === "root" ? shell : ["setpriv", ...NOBODY, ...shell];
  const child = new Child(test, program, args);
  assert.equal(await child.line(), "ready");
  return child;
}

async function die(tunnel: RigTunnel): Promise<void> {
  const { pid, keeper } = tunnel.state();
  await kill(keeper?.pid ?? 0);
  await kill(pid);
}

describe("what users write", { skip: process.getuid?.() !== 0 && "only root can be somebody else" }, () => {
  const attacks: [what: string, bytes: number, processes: number][] = [
    ["a user's process with 300 MB of arguments", 300_000_000, 0],
    ["1,201 processes of a user's with 4 MB of arguments", 4_000_000, 1200],
  ];
  for (const [what, bytes, processes] of attacks) {
    test(`watchdog and status go on beside ${what}, with a heap of 64 MB`, async (t) => {
      const program = compiled(t, "long-arguments");
      const attacker = new Child(t, "setpriv", [...NOBODY, program, String(bytes), String(processes)]);
      assert.equal(await attacker.line(), "ready");
      const look = join(import.meta.dirname, "hostile-look.ts");
      const { status, stderr } = spawnSync(
        process.execPath,
        ["--max-old-space-size=64", "--import", "tsx", look],
        { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL", cwd: import.meta.dirname },
      );
      assert.equal(status, 0, stderr);
    });
  }

  test("a user's process that looks like a stunnel never becomes the tunnel", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const { pid } = await impostor(t, tunnel.paths.stunnelConfig, "nobody");
    await die(tunnel);
    writeFileSync(tunnel.paths.pidFile, `${pid}\n`);
    await rig.watch();
    await eventually("the tunnel is back", () => tunnel.isListening());
    await eventually("it is recorded", () => processFacts(tunnel.state().pid)?.argv.length === 2);
    assert.notEqual(tunnel.state().pid, pid);
  });

  test("nor does a setuid program of a user's, whose process belongs to root", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel({ runs: "no" });
    const script = 'echo $$; exec -a stunnel su root "$1"';
    const child = new Child(t, "setpriv", [
      ...NOBODY,
      "bash",
      "-c",
      script,
      "bash",
      tunnel.paths.stunnelConfig,
    ]);
    const pid = Number(await child.line());
    const isSu = () => {
      const { stdout } = spawnSync("grep", ["^Uid:", `/proc/${pid}/status`], { encoding: "utf8" });
      return stdout === "Uid:\t65534\t0\t0\t0\n";
    };
    await eventually("it is su", isSu);
    assert.equal(processFacts(pid), undefined);
    writeFileSync(tunnel.paths.pidFile, `${pid}\n`);
    await rig.watch();
    await eventually("the tunnel is back", () => tunnel.isListening());
    assert.ok(isSu());
  });

  test("a tunnel that a user invents is none", async (t) => {
    const rig = new Rig(t);
    const config = `${rig.directory}/stunnel-config.fs-01234567.mnt.20049`;
    await impostor(t, config, "nobody");
    assert.deepEqual([...straysIn(rig.directory).keys()], []);
    // of root's, one is a tunnel that has lost its files
    await impostor(t, config, "root");
    assert.deepEqual([...straysIn(rig.directory).keys()], ["fs-01234567.mnt.20049"]);
  });

  test("a stunnel without the tunnel's socket is not its stunnel", async (t) => {
    const rig = new Rig(t);
    const tunnel = await rig.tunnel();
    const { pid } = await impostor(t, tunnel.paths.stunnelConfig, "root");
    await die(tunnel);
    writeFileSync(tunnel.paths.pidFile, `${pid}\n`);
    await rig.watch();
    await eventually("the tunnel is back", () => tunnel.isListening());
  });
});

describe("what is there now counts when a tunnel ends:", () => {
  /** A tunnel that has lost its state file, long ago. */
  async function orphan(rig: Rig): Promise<RigTunnel> {
    const tunnel = await rig.tunnel({ mounted: false });
    rmSync(tunnel.paths.stateFile);
    for (const path of [tunnel.paths.stunnelConfig, tunnel.paths.directory]) utimesSync(path, 0, 0);
    return tunnel;
  }

  /** One that takes a second to end. */
  async function slow(rig: Rig, tunnel: RigTunnel): Promise<RigTunnel> {
    const [keeper] = rig.processes().filter(({ argv }) => argv.includes(tunnel.paths.directory));
    signal(keeper?.pid ?? 0, "SIGSTOP");
    return tunnel;
  }

  /** Who has a state file is not ended meanwhile. */
  const KEEP_UNUSED = "[mount-watchdog]\nunmount_grace_period_sec = 600\n";
  const NEW = formatState({ pid: -1, cmd: [], files: [], mountpoint: "/mnt/new" });

  test("a state file that comes while its processes are being ended stays", async (t) => {
    const rig = new Rig(t);
    const tunnel = await slow(rig, await orphan(rig));
    const { stunnelConfig, stateFile } = tunnel.paths;
    await rig.watch(KEEP_UNUSED);
    await eventually("it is being ended", () => !existsSync(stunnelConfig));
    writeFileSync(stateFile, NEW);
    await eventually("it has ended", () => rig.logged(/nothing uses it any more/).length > 0);
    assert.ok(existsSync(stateFile));
    rig.beforeCleanUp(() => rmSync(stateFile, { force: true }));
  });

  test("a tunnel whose state file comes while its end waits for that of others is left alone", async (t) => {
    const rig = new Rig(t);
    const MOST_ACTIONS = 8;
    const others: RigTunnel[] = [];
    for (let count = 0; count < MOST_ACTIONS; count += 1) others.push(await slow(rig, await orphan(rig)));
    const last = await orphan(rig);
    await rig.watch(KEEP_UNUSED);
    await eventually("those before it are being ended", () =>
      others.every(({ paths }) => !existsSync(paths.stunnelConfig)),
    );
    writeFileSync(last.paths.stateFile, NEW);
    await eventually("they have ended", () =>
      others.every(({ base }) => rig.logged(new RegExp(base)).length > 0),
    );
    assert.ok(existsSync(last.paths.stateFile));
    assert.ok(existsSync(last.paths.stunnelConfig));
    assert.ok(await last.isListening());
  });
});
