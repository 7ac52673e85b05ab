import { readlinkSync, realpathSync } from "node:fs";
import { readProcFile } from "./proc-file.ts";

/**
 * Whether a path stands for a network namespace: by what it links to below /proc/PID/ns (namespaces(7)), or by
 * what is mounted on it, as ip-netns(8) does (the root of that mount in proc(5)'s mountinfo).
 */
export function isNetworkNamespace(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("net:[");
  } catch {
    // it is no link
  }
  try {
    const place = realpathSync(path);
    const mounts = readProcFile("/proc/self/mountinfo").split("\n");
    const topmost = mounts.map((line) => line.split(" ")).findLast(([, , , , mounted]) => mounted === place);
    return topmost?.[3]?.startsWith("net:[") ?? false;
  } catch {
    return false;
  }
}
