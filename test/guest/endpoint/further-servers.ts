/** Servers that one scenario needs beside the endpoint's own; they end with it. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { must } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import type { EfsFileSystem } from "./endpoint.ts";

const NFS_PORT = 2049;
const DIRECTORY = "/run/further-servers";

/** Gives this machine an address, IPv4 or IPv6. */
export async function ownAddress(guest: Guest, address: string): Promise<void> {
  const isIpv6 = address.includes(":");
  if (isIpv6) await must("modprobe", ["ipv6"]);
  const words = [isIpv6 ? `${address}/128` : `${address}/32`, "dev", "lo"];
  await must("ip", ["addr", "add", ...words, ...(isIpv6 ? ["nodad"] : [])]);
  guest.onEnd(() => must("ip", ["addr", "del", ...words]));
}

/** Another TLS front of a file system; answers what it has logged since. */
export async function anotherFront(
  guest: Guest,
  { server }: EfsFileSystem,
  address: string,
): Promise<() => string> {
  mkdirSync(DIRECTORY, { recursive: true });
  const file = `${DIRECTORY}/${address}`;
  const { certificate, key } = guest.endpoint.pki.server("good");
  const lines = ["foreground = quiet", "debug = debug", "syslog = no", "pid =", `output = ${file}.log`];
  lines.push("[efs]", `accept = ${address}:${NFS_PORT}`, `connect = ${server.address}:${NFS_PORT}`);
  lines.push(`cert = ${certificate}`, `key = ${key}`, "TIMEOUTidle = 86400", "");
  writeFileSync(`${file}.conf`, lines.join("\n"));
  rmSync(`${file}.log`, { force: true });
  guest.service("/usr/bin/stunnel4", [`${file}.conf`], openSync(`${file}.err`, "a"));
  const log = () => (existsSync(`${file}.log`) ? readFileSync(`${file}.log`, "utf8") : "");
  await guest.eventually(`the TLS front at ${address} listens`, () => log().includes("bound to"));
  return log;
}

/** Another address of a file system's NFS server, without TLS. */
export async function relay(guest: Guest, { server }: EfsFileSystem, address: string): Promise<void> {
  await listen(guest, address, (near, sockets) => {
    const far = connect(NFS_PORT, server.address);
    sockets.add(far.on("error", () => near.destroy()));
    near.pipe(far).pipe(near);
  });
}

/** A server that takes connections and never says anything; answers how many it has taken. */
export async function silentServer(guest: Guest, address: string): Promise<() => number> {
  let taken = 0;
  await listen(guest, address, (socket) => {
    taken += 1;
    socket.resume();
  });
  return () => taken;
}

async function listen(
  guest: Guest,
  address: string,
  take: (socket: Socket, sockets: Set<Socket>) => void,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    take(socket, sockets);
  });
  await once(server.listen(NFS_PORT, address), "listening");
  guest.onEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}

/** Name servers that never answer, instead of none; answers how many questions they were asked. */
export async function silentNameServers(guest: Guest, addresses: string[]): Promise<() => number> {
  const asked = { count: 0 };
  for (const address of addresses) {
    const socket = createSocket("udp4", () => {
      asked.count += 1;
    });
    socket.bind(53, address);
    await once(socket, "listening");
    guest.onEnd(() => socket.close());
  }
  writeFileSync("/etc/resolv.conf", addresses.map((address) => `nameserver ${address}\n`).join(""));
  guest.onEnd(() => writeFileSync("/etc/resolv.conf", ""));
  return () => asked.count;
}
