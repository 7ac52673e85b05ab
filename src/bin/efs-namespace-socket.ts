import { networkInterfaces } from "node:os";
import type { Answer, Order } from "../app/tunnel/network.ts";
import { asEfsError, EfsError } from "../core/errors.ts";
import type { Port } from "../core/ids.ts";
import { isReachable, listenLocally } from "../system/network.ts";
import { callNull } from "../system/rpc.ts";

/**
 * `nsenter --net=PATH node efs-namespace-socket.cjs` makes sockets in that network namespace for the process
 * that started it, and ends with it.
 */
process.on("message", (order: Order) => {
  if ("bind" in order) void bind(order.bind);
  else if ("callNull" in order) void call(order.callNull, order.limitMs);
  else void reach(order.reach, order.port, order.limitMs);
});
process.on("disconnect", () => process.exit(0));

async function bind(ports: readonly Port[]): Promise<void> {
  try {
    requireLoopback();
    for (const port of ports) {
      const server = await listenLocally(port);
      if (server === undefined) continue;
      process.send?.({ bound: port } satisfies Answer, server, undefined, () => server.close());
      return;
    }
    answer({ bound: undefined });
  } catch (cause) {
    const error = asEfsError(cause);
    answer({ failed: error.message, hint: error instanceof EfsError ? error.hint : undefined });
  }
}

/** A namespace that was just made has its loopback interface down, where nobody can connect. */
function requireLoopback(): void {
  const addresses = Object.values(networkInterfaces()).flat();
  if (addresses.some((address) => address?.internal)) return;
  throw new EfsError("system", "its loopback interface is down", {
    hint: "bring it up in there: ip link set lo up",
  });
}

async function call(port: Port, limitMs: number): Promise<void> {
  const { outcome } = await callNull("127.0.0.1", port, limitMs);
  answer({ outcome });
}

async function reach(host: string, port: number, limitMs: number): Promise<void> {
  answer({ reachable: await isReachable(host, port, limitMs) });
}

function answer(what: Answer): void {
  process.send?.(what);
}
