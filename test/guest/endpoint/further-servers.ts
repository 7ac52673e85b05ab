/** Servers that one scenario needs beside the endpoint's own; they end with it. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { must, type Service } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import type { EfsFileSystem } from "./endpoint.ts";

const NFS_PORT = 2049;
/** Of the file systems that are not the endpoint's own. */
const FIRST_INDEX = 3;
const DIRECTORY = "/run/further-servers";

/** Gives this machine an address, IPv4 or IPv6. */
export async function ownAddress(guest: Guest, address: string): Promise<void> {
  const isIpv6 = address.includes(":");
  if (isIpv6 && !existsSync("/proc/net/if_inet6")) await must("modprobe", ["ipv6"]);
  const words = [isIpv6 ? `${address}/128` : `${address}/32`, "dev", "lo"];
  await must("ip", ["addr", "add", ...words, ...(isIpv6 ? ["nodad"] : [])]);
  guest.onEnd(() => must("ip", ["addr", "del", ...words]));
}

/** Further file systems, with their names; they are removed when the answer's `remove` is called. */
export async function furtherFileSystems(guest: Guest, count: number) {
  const { endpoint } = guest;
  const indices = Array.from({ length: count }, (_, at) => FIRST_INDEX + at);
  const targets: EfsFileSystem[] = [];
  const remove = async () => {
    await Promise.all(
      targets.splice(0).map(async ({ front, server }) => {
        await front.stop();
        await server.remove();
      }),
    );
  };
  guest.onEnd(remove);
  await Promise.all(indices.map(async (index) => targets.push(await endpoint.further(index))));
  const all = [endpoint.first, endpoint.second, ...targets];
  endpoint.resolve(Object.fromEntries(all.map(({ name, front }) => [name, front.address])));
  return { targets: [...targets], remove };
}

/** Another TLS front of a file system; answers what it has logged since. */
export async function anotherFront(
  guest: Guest,
  target: EfsFileSystem,
  address: string,
): Promise<() => string> {
  return (await startFront(guest, target, address)).log;
}

/**
 * Another TLS front of a file system, in the NFS server's own network namespace: what is between it and a tunnel
 * can be cut there. It can be stopped and started again.
 */
export async function frontInside(guest: Guest, target: EfsFileSystem, address: string) {
  await target.server.addAddress(address);
  guest.onEnd(() => target.server.removeAddress(address));
  const begin = () => startFront(guest, target, address, ["ip", "netns", "exec", target.id]);
  let { service } = await begin();
  return {
    stop: () => service.stop(),
    start: async () => {
      ({ service } = await begin());
    },
  };
}

async function startFront(
  guest: Guest,
  { server }: EfsFileSystem,
  address: string,
  prefix: string[] = [],
): Promise<{ service: Service; log: () => string }> {
  mkdirSync(DIRECTORY, { recursive: true });
  const file = `${DIRECTORY}/${address}`;
  const { certificate, key } = guest.endpoint.pki.server("good");
  const lines = ["foreground = quiet", "debug = debug", "syslog = no", "pid =", `output = ${file}.log`];
  lines.push("[efs]", `accept = ${address}:${NFS_PORT}`, `connect = ${server.address}:${NFS_PORT}`);
  lines.push(`cert = ${certificate}`, `key = ${key}`, "TIMEOUTidle = 86400", "");
  writeFileSync(`${file}.conf`, lines.join("\n"));
  rmSync(`${file}.log`, { force: true });
  const [program = "", ...args] = [...prefix, "/usr/bin/stunnel4", `${file}.conf`];
  const service = guest.service(program, args, openSync(`${file}.err`, "a"));
  const log = () => (existsSync(`${file}.log`) ? readFileSync(`${file}.log`, "utf8") : "");
  await guest.eventually(`the TLS front at ${address} listens`, () => log().includes("bound to"));
  return { service, log };
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
