import { existsSync, readdirSync, rmSync } from "node:fs";
import { EfsError, oneLine } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import { mountingPort } from "../../core/nfs/mount-process.ts";
import { tunnelPort } from "../../core/nfs/mount-table.ts";
import { parseState } from "../../core/state/state.ts";
import { classifyEntry, tunnelPaths } from "../../core/tunnel/names.ts";
import { isAbandoned, readIfThere } from "../../system/files.ts";
import type { Log } from "../../system/log.ts";
import { readMounts, readNfsClientPorts } from "../../system/mounts.ts";
import { lifeOf, whereabouts } from "../../system/namespaces.ts";
import { findProcesses } from "../../system/procfs.ts";
import { endProcesses, removeTunnelFiles, stopTunnel } from "./start.ts";

/**
 * Undoes what helpers left that were killed while they mounted: tunnel and files. Where the mount was made
 * all the same, the tunnel stays, for the watchdog to look after. What other helpers may still be working
 * on stays too.
 *
 * @param openPort takes back that other users are kept from a port
 */
export async function sweepUnfinished(
  stateDirectory: string,
  log: Log,
  openPort: (port: Port, networkNamespace: string | undefined) => Promise<void>,
): Promise<void> {
  for (const name of readdirSync(stateDirectory)) {
    if (isAbandoned(name)) rmSync(`${stateDirectory}/${name}`, { force: true });
    const entry = classifyEntry(name);
    if (entry.kind !== "unfinished") continue;
    try {
      const paths = tunnelPaths(stateDirectory, entry.base);
      const text = readIfThere(paths.unfinishedStateFile);
      if (text === undefined) continue;
      const wasFinished = existsSync(paths.stateFile);
      const { helper, keeper, namespaces, networkNamespace } = parseState(text, name, stateDirectory);
      // of one in a container that cannot be looked into, nothing is known
      if (helper === undefined || lifeOf(helper, namespaces) !== "dead") continue;
      await endOrphanedMount(entry.port);
      if (isInUse(entry.port)) continue;
      const known = whereabouts(namespaces) === "here" ? keeper : undefined;
      await stopTunnel({ keeper: known, stunnelConfig: paths.stunnelConfig });
      // another helper may have done the same meanwhile, and made a mount with these names
      const isNew = readIfThere(paths.unfinishedStateFile) !== text;
      if (isNew || (existsSync(paths.stateFile) && !wasFinished)) continue;
      await openPort(entry.port, networkNamespace);
      removeTunnelFiles(paths);
      log.warning(`Removed ${entry.base}: the helper that began this mount was killed (pid ${helper.pid})`);
    } catch (error) {
      if (!(error instanceof EfsError)) throw error;
      log.warning(oneLine(error));
    }
  }
}

/**
 * Ends the mount.nfs4 that outlived its helper: once the port is somebody else's, it would mount their file
 * system.
 */
async function endOrphanedMount(port: number): Promise<void> {
  const mounting = findProcesses(({ argv }) => mountingPort(argv) === port);
  // no other: before the last of them has ended, the port may be that of another mount
  await endProcesses((one) =>
    mounting.some((seen) => seen.pid === one.pid && seen.startTime === one.startTime),
  );
}

/** Whether a mount or the kernel's NFS client uses the tunnel on a port, or soon may. */
function isInUse(port: number): boolean {
  return readNfsClientPorts().has(port) || readMounts().some((entry) => tunnelPort(entry) === port);
}
