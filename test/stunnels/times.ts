/** How long things take here, beside yardsticks of the same machine: other programs' work on it is no mount's. */
import type { SuiteMachine } from "./machine.ts";

/** The quickest of so many tries counts. */
const TRIES = 3;
/** What a node that does nothing takes at most on a machine that does nothing else. */
const IDLE_NODE_MS = 150;

/** The least of some measurements, in milliseconds. */
export async function least(measure: () => Promise<{ readonly tookMs: number }>): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY;
  for (let count = 0; count < TRIES; count += 1) quickest = Math.min(quickest, (await measure()).tookMs);
  return quickest;
}

/** How many times as long as on an idle machine programs take now, 1 at least. */
export async function slowness(machine: SuiteMachine): Promise<number> {
  const node = await least(() => machine.run("/usr/bin/node", "-e", "0"));
  return Math.max(1, node / IDLE_NODE_MS);
}

/** What the suite's openssl(1) takes for a handshake alone. */
export function bareHandshake(machine: SuiteMachine, host: string): Promise<number> {
  const args = ["-connect", `${host}:2049`, "-tls1_2", "-servername", host, "-CAfile", machine.authorities];
  return least(() => machine.run("/usr/bin/openssl", "s_client", "-brief", "-verify_return_error", ...args));
}
