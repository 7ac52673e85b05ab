/** What a scenario may not leave behind, and the removal of what it left all the same. */
import { readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { RESPONDER } from "../endpoint/pki.ts";
import { eventually, run } from "./command.ts";
import { kernelClients, listeners, mountTable, processes } from "./proc.ts";
import { STATE, WATCHDOG_LOCK } from "./product.ts";

export interface Snapshot {
  processes: Map<string, string>;
  listeners: Map<string, string>;
  mounts: Map<string, string>;
  clients: Map<string, string>;
  files: Map<string, string>;
}

/** The endpoint's own servers, which a scenario may have replaced. */
const ENDPOINT = "/run/endpoint";
const ENDPOINT_PORTS = [2049, RESPONDER.port, RESPONDER.signerPort];

export function snapshot(): Snapshot {
  return {
    processes: new Map(
      processes()
        .filter((each) => each.pid !== process.pid && !each.argv.some((word) => word.startsWith(ENDPOINT)))
        .map((each) => [`${each.pid} ${each.started}`, `process ${each.pid}: ${each.argv.join(" ")}`]),
    ),
    listeners: new Map(
      listeners()
        .filter((each) => !ENDPOINT_PORTS.includes(each.port))
        .map((each) => [String(each.inode), `listener on ${each.address}:${each.port}`]),
    ),
    mounts: new Map(mountTable().map((each) => [each.line, `mount: ${each.line}`])),
    clients: new Map(
      kernelClients().map((each) => [
        `${each.address} ${each.port}`,
        `kernel client: ${each.address}:${each.port}`,
      ]),
    ),
    files: new Map(files().map((path) => [path, `file: ${path}`])),
  };
}

function files(): string[] {
  try {
    const names = readdirSync(STATE).filter((name) => name !== WATCHDOG_LOCK);
    return names.map((name) => join(STATE, name));
  } catch {
    return [];
  }
}

/** What is there now and was not there before. */
export function leaks(before: Snapshot, kinds = Object.keys(before) as (keyof Snapshot)[]): string[] {
  const now = snapshot();
  return kinds.flatMap((kind) =>
    [...now[kind]].filter(([key]) => !before[kind].has(key)).map(([, text]) => text),
  );
}

/** Removes by force what a failed scenario left. `servers`: addresses of the NFS servers. */
export async function sweep(before: Snapshot, servers: string[]): Promise<void> {
  for (const mount of mountTable().reverse()) {
    if (before.mounts.has(mount.line)) continue;
    const gentle = await run("umount", [mount.path], { timeoutMs: 3_000 });
    if (gentle.status === 0) continue;
    // -f ends the requests that wait for the server; the file system may go at once or later.
    await run("umount", ["-f", mount.path], { timeoutMs: 3_000 });
    await run("umount", ["-l", mount.path], { timeoutMs: 3_000 });
  }
  for (let round = 0; round < 3; round++) {
    for (const each of processes()) {
      const ours = each.pid === process.pid || each.argv.some((word) => word.startsWith(ENDPOINT));
      if (ours || before.processes.has(`${each.pid} ${each.started}`)) continue;
      try {
        process.kill(each.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const path of files()) rmSync(path, { recursive: true, force: true });
  for (const { port } of kernelClients().filter(({ address }) => address.startsWith("127.")))
    await letGo(port, servers);
}

/**
 * A kernel client whose tunnel is gone waits for ever to say goodbye to its server, and would draw the next
 * scenario's mounts into its fate. So it is let through for a moment, without TLS.
 */
async function letGo(port: number, servers: string[]): Promise<void> {
  for (const server of servers) {
    const sockets = new Set<Socket>();
    const relay = createServer((near) => {
      const far = connect(2049, server);
      for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) =>
      relay.once("error", () => resolve()).listen(port, "127.0.0.1", resolve),
    );
    const gone = () => kernelClients().every((client) => client.port !== port);
    const done = await eventually("the kernel's client goes", gone, 6_000).catch(() => false);
    for (const socket of sockets) socket.destroy();
    relay.close();
    if (done) return;
  }
}
