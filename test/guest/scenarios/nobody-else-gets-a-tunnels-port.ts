import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Guest } from "../runner/guest.ts";
import { Load } from "../runner/load.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";
import { Tunnel } from "../runner/tunnel.ts";

/** Tries to listen on a port all the time; says how often it has tried when asked, and when it listens. */
const GRABBER = `
let tries = 0;
const attempt = () => {
  tries++;
  const server = require("node:net").createServer((socket) => socket.on("error", () => {}).destroy());
  server.on("error", () => setTimeout(attempt, 2));
  server.listen(Number(process.argv[1]), "127.0.0.1", () => console.log("listens"));
};
process.stdin.on("data", () => console.log(tries));
attempt();
`;
const NOBODY = 65534;

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const watchdog = await product.startWatchdog();
  await product.mount(endpoint.first);
  const tunnel = Tunnel.of(guest);
  const load = await Load.start(guest, { target: endpoint.first, path: MOUNT_POINT });

  const grabber = await startGrabber(guest, tunnel.port);
  for (let kills = 0; kills < 3; kills++) {
    await tunnel.lose("stunnel");
    await load.goesOn("although somebody wants the port");
  }
  const tries = await grabber.ask();
  assert.match(tries, /^\d+$/, "it never listened");
  assert.ok(Number(tries) > 20, `${tries} tries`);
  guest.log(`${tries} tries in vain`);

  // Where nothing at all is left of the tunnel, and the watchdog comes too late, there is a message.
  process.kill(watchdog.pid, "SIGSTOP");
  tunnel.signal("SIGKILL", "keeper", "stunnel");
  await grabber.listens();
  process.kill(watchdog.pid, "SIGCONT");
  const named = new RegExp(`port ${tunnel.port} .*is taken by a process of uid ${NOBODY}`);
  await guest.eventually("it is named in the log", () => named.test(product.watchdogLog));
  grabber.end();
  await load.goesOn("when the port is free", 60_000);
  await load.finish();
  await guest.umount(MOUNT_POINT);
});

async function startGrabber(guest: Guest, port: number) {
  const child = spawn(process.execPath, ["-e", GRABBER, String(port)], {
    stdio: ["pipe", "pipe", "inherit"],
    uid: NOBODY,
    gid: NOBODY,
    cwd: "/",
  });
  const end = () => child.kill("SIGKILL");
  guest.onEnd(end);
  const lines = createInterface({ input: child.stdout });
  const ask = async () => {
    const answer = once(lines, "line", { signal: AbortSignal.timeout(20_000) });
    child.stdin.write("?");
    return String((await answer)[0]);
  };
  let isListening = false;
  lines.on("line", (line: string) => {
    isListening ||= line === "listens";
  });
  const listens = () => guest.eventually("somebody else listens", () => isListening);
  await ask();
  return { pid: child.pid, ask, listens, end };
}
