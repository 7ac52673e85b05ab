import { connect, createServer, type Server } from "node:net";
import { EfsError } from "../core/errors.ts";
import type { Port } from "../core/ids.ts";
import { hasCode, reason } from "./errno.ts";
import { descriptorTarget } from "./procfs.ts";

/** A listening socket on 127.0.0.1 that can be handed to a child. */
export interface BoundPort {
  readonly port: Port;
  readonly descriptor: number;
  /** `socket:[INODE]`, by which it is recognised in another process. */
  readonly name: string;
  close(): void;
}

/**
 * Binds a local port, which reserves it: the kernel gives it to one process only.
 *
 * @returns undefined where somebody else has it
 * @throws EfsError (system) for any other failure
 */
export async function bindPort(port: Port): Promise<BoundPort | undefined> {
  const server = await listenLocally(port);
  return server === undefined ? undefined : boundPort(port, server);
}

/** As `bindPort`, for a socket that another process is to get. */
export function listenLocally(port: Port): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      if (hasCode(error, "EADDRINUSE")) return resolve(undefined);
      reject(
        new EfsError("system", `cannot listen on 127.0.0.1:${port}: ${reason(error)}`, {
          hint: "choose another port with tlsport or port_range_lower_bound and port_range_upper_bound",
          cause: error,
        }),
      );
    });
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => resolve(server));
  });
}

/** A server that listens on a local port, as the reservation of that port. Who connects is sent away. */
export function boundPort(port: Port, server: Server): BoundPort {
  const descriptor = listeningDescriptor(server);
  const name = descriptorTarget("self", descriptor);
  if (name === undefined) throw new Error("the listening socket has no descriptor");
  server.on("connection", (socket) => socket.destroy()).unref();
  return { port, descriptor, name, close: () => server.close() };
}

/** The descriptor of a listening server; node has no public name for it. */
function listeningDescriptor(server: Server): number {
  const { _handle: handle } = server as unknown as { _handle: { fd: number } };
  return handle.fd;
}

/** Whether a TCP connection can be made within the limit. */
export function isReachable(host: string, port: number, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (reachable: boolean) => {
      socket.destroy();
      resolve(reachable);
    };
    socket.setTimeout(limitMs, () => done(false));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}

/** Whether who listens on a port of a host closes a connection within a limit, in milliseconds, before it is sent anything. */
export function closesUnasked(host: string, port: number, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let isConnected = false;
    const done = (closes: boolean) => {
      socket.destroy();
      resolve(closes);
    };
    socket.setTimeout(limitMs, () => done(false));
    socket.once("connect", () => {
      isConnected = true;
      socket.resume();
    });
    socket.once("data", () => done(false));
    socket.once("end", () => done(true));
    // a reset is one, too, also one that comes before the connection is known of
    socket.once("error", (error) => done(isConnected || hasCode(error, "ECONNRESET")));
  });
}

/** Whether a TCP connection to a port of a host can be made within a limit, in milliseconds. */
export type Reaches = (host: string, port: number, limitMs: number) => Promise<boolean>;
