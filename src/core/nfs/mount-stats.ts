import { unescaped } from "./mount-table.ts";

/** What the kernel counted of one kind of NFS operation since the mount. */
export interface OperationStats {
  /** Requests that were answered. */
  readonly count: number;
  /** Sendings beyond the first of each. */
  readonly retransmissions: number;
  /** Requests for which no answer came within timeo. */
  readonly timeouts: number;
  /** From sending to answer, all of them together, in milliseconds. */
  readonly roundTripMs: number;
}

/** What the kernel counted of an NFS mount. */
export interface MountStats {
  readonly mountPoint: string;
  /** Since it was mounted. */
  readonly ageSeconds: number;
  /** Bytes that came from the server and went to it. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** By their names (READ, WRITE, OPEN, ...); those that never happened are not there. */
  readonly operations: ReadonlyMap<string, OperationStats>;
}

/** Places in the line `bytes:`, which has the applications' reads and writes in front. */
const SERVER_READ = 4;
const SERVER_WRITTEN = 5;

/**
 * Reads /proc/PID/mountstats (linux/fs/nfs/super.c, nfs_show_stats; linux/net/sunrpc/stats.c,
 * rpc_clnt_show_stats): a paragraph a mount, of which those of NFS are counted. What is not understood is
 * left out.
 */
export function parseMountStats(text: string): MountStats[] {
  return text.split(/^(?=device |no device )/m).flatMap((paragraph) => {
    const [heading = "", ...lines] = paragraph.split("\n");
    const [, place] = / mounted on (\S+) with fstype nfs4? statvers=/.exec(heading) ?? [];
    if (place === undefined) return [];
    const figures = (title: string) =>
      numbers(
        lines
          .find((line) => line.trim().startsWith(title))
          ?.trim()
          .slice(title.length) ?? "",
      );
    const bytes = figures("bytes:");
    return {
      mountPoint: unescaped(place),
      ageSeconds: figures("age:")[0] ?? 0,
      bytesRead: bytes[SERVER_READ] ?? 0,
      bytesWritten: bytes[SERVER_WRITTEN] ?? 0,
      operations: operationsIn(lines),
    };
  });
}

/** `NAME: OPERATIONS TRANSMISSIONS TIMEOUTS SENT RECEIVED QUEUED RTT EXECUTED [ERRORS]`, times in milliseconds. */
function operationsIn(lines: readonly string[]): Map<string, OperationStats> {
  const start = lines.findIndex((line) => line.trim() === "per-op statistics");
  const operations = new Map<string, OperationStats>();
  for (const line of start === -1 ? [] : lines.slice(start + 1)) {
    const [, name = "", rest = ""] = /^\s*([A-Z0-9_]+):(.*)$/.exec(line) ?? [];
    const [count, sent, timeouts, , , , roundTripMs] = numbers(rest);
    if (count === undefined || sent === undefined || timeouts === undefined || roundTripMs === undefined)
      continue;
    if (count === 0 && sent === 0) continue;
    operations.set(name, { count, retransmissions: Math.max(0, sent - count), timeouts, roundTripMs });
  }
  return operations;
}

function numbers(text: string): number[] {
  const words = text.trim().split(/\s+/);
  return words.every((word) => /^\d{1,20}$/.test(word)) ? words.map(Number) : [];
}
