import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Guest } from "../runner/guest.ts";
import { Load } from "../runner/load.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

const NOBODY = 65_534;
const SECRET = "only root may read this";
const AS_NOBODY = ["--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups"];

/** Accepts connections, and prints how many octets came whenever it is asked. */
const THIEF = `
let octets = 0;
const server = require("node:net").createServer((socket) => {
  socket.on("data", (part) => { octets += part.length; }).on("error", () => {});
});
server.listen(Number(process.argv[1]), "127.0.0.1", () => console.log("listens"));
process.stdin.on("data", () => console.log(octets));`;

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    const asNobody = (...command: string[]) =>
      guest.run("setpriv", [...AS_NOBODY, ...command], { timeoutMs: 60_000 });
    // the user's own NFS client, which says that it is root
    const steal = () =>
      asNobody(
        "nfs-cat",
        `nfs://127.0.0.1/private/secret?version=4&nfsport=${Tunnel.of(guest).port}&uid=0&gid=0`,
      );
    const writes = async (text: string) => {
      const done = await asNobody(
        "/bin/sh",
        "-c",
        'echo "$1" >>"$2"',
        "sh",
        text,
        `${MOUNT_POINT}/public/file`,
      );
      assert.equal(done.status, 0, done.stderr);
    };
    const rules = async () => (await guest.run("iptables-legacy", ["-S"])).stdout;
    const isClosed = async (port: number) => new RegExp(`--dport ${port} .*REJECT`).test(await rules());

    product.configure({ tunnel_access: "any" });
    const watchdog = await product.startWatchdog();
    await product.mount(endpoint.first);
    await guest.shell(
      `cd "$1" && mkdir -m 700 private && mkdir -m 777 public && chmod 777 public &&
     echo "$2" >private/secret && chmod 600 private/secret`,
      [MOUNT_POINT, SECRET],
    );
    const denied = await asNobody("cat", `${MOUNT_POINT}/private/secret`);
    assert.match(denied.stderr, /Permission denied/);
    const stolen = await steal();
    assert.equal(stolen.stdout.trim(), SECRET, "without rules the tunnel serves every user as root");
    await guest.umount(MOUNT_POINT);
    await product.gone();

    product.configure({ tunnel_access: "auto" });
    process.kill(watchdog.pid, "SIGHUP");
    await guest.eventually("the watchdog has read that", () => /was read again/.test(product.watchdogLog));
    await product.mount(endpoint.first);
    const tunnel = Tunnel.of(guest);
    assert.ok(await isClosed(tunnel.port));
    const refused = await steal();
    assert.notEqual(refused.status, 0);
    assert.equal(refused.stdout, "");
    guest.log(`nfs-cat: ${refused.stderr.trim()}`);

    await writes("before");
    const load = await Load.start(guest, { target: endpoint.first, path: MOUNT_POINT });
    await tunnel.lose("stunnel");
    await writes("after the tunnel was killed");
    await load.goesOn("after the tunnel was killed");
    assert.equal((await steal()).stdout, "");

    await guest.ok("iptables-legacy", ["-F"]);
    assert.equal((await steal()).stdout.trim(), SECRET, "somebody has taken the rules away");
    const begin = performance.now();
    await guest.eventually("the rules are back", () => isClosed(tunnel.port), 60_000);
    guest.figure(`rules back ${((performance.now() - begin) / 1000).toFixed(1)} s after iptables -F`);
    assert.equal((await steal()).stdout, "");

    process.kill(watchdog.pid, "SIGSTOP");
    tunnel.signal("SIGKILL", "keeper", "stunnel");
    const thief = await startThief(guest, tunnel.port);
    await guest.eventually(
      "the kernel's client gets no answer from him",
      () => isConnecting(tunnel.port),
      60_000,
    );
    assert.equal(await thief.octets(), "0");
    await thief.end();
    process.kill(watchdog.pid, "SIGCONT");
    await load.goesOn("when the watchdog is back", 60_000);
    await load.finish();

    await guest.umount(MOUNT_POINT);
    await product.gone();
    await guest.eventually("our chain is gone", async () => !(await rules()).includes("EFS-TUNNELS"));
  },
  { limitMs: 300_000 },
);

/** Whether somebody here connects to a port of 127.0.0.1, and nobody has answered. */
function isConnecting(port: number): boolean {
  const SYN_SENT = "02";
  const peer = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "latin1").includes(` ${peer} ${SYN_SENT} `);
}

async function startThief(guest: Guest, port: number) {
  const child = spawn("setpriv", [...AS_NOBODY, process.execPath, "-e", THIEF, `${port}`], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: "/",
  });
  guest.onEnd(() => child.kill("SIGKILL"));
  const line = async () =>
    String((await once(child.stdout, "data", { signal: AbortSignal.timeout(20_000) }))[0]).trim();
  assert.equal(await line(), "listens");
  return {
    octets: () => {
      child.stdin.write("?");
      return line();
    },
    end: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
