import type { MountStats } from "../nfs/mount-stats.ts";
import type { Traffic } from "./status.ts";

/** The sums of what the kernel counted. */
export function trafficOf({ bytesRead, bytesWritten, operations }: MountStats): Traffic {
  const all = [...operations.values()];
  const sum = (key: "count" | "retransmissions" | "timeouts") =>
    all.reduce((total, operation) => total + operation[key], 0);
  return {
    bytesRead,
    bytesWritten,
    operations: sum("count"),
    retransmissions: sum("retransmissions"),
    timeouts: sum("timeouts"),
  };
}
