import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { VALID_AFTER_MS } from "../../core/certificate/certificate.ts";
import { describeSource, parseSource } from "../../core/identity/source.ts";
import type { ClientCertificate, TunnelStatus } from "../../core/status/status.ts";
import { classifyEntry } from "../../core/tunnel/names.ts";
import { utcTime } from "../../core/watchdog/certificate.ts";
import { configArgument } from "../../core/watchdog/processes.ts";
import type { Use } from "../../core/watchdog/use.ts";
import { hasCode } from "../../system/errno.ts";
import type { Kernel } from "../../system/kernel.ts";
import { findProcesses } from "../../system/procfs.ts";
import { Inventory, type TunnelFiles } from "../watchdog/inventory.ts";
import { processesOf, tunnelProcesses } from "../watchdog/processes.ts";
import { readUses } from "../watchdog/uses.ts";
import { straysIn } from "../watchdog/watch-loop.ts";
import { WatchedTunnel } from "../watchdog/watched-tunnel.ts";

/** A tunnel, as the state directory and /proc show it at this moment. */
export interface SeenTunnel {
  readonly tunnel: WatchedTunnel;
  readonly use: Use;
}

/**
 * All tunnels of a state directory, by the watchdog's own rules. Who may not read it sees those that run, by
 * their argument vectors.
 *
 * @throws EfsError (system) where /proc cannot be read
 */
export function seeTunnels(
  stateDirectory: string,
  kernel: Kernel,
): { tunnels: SeenTunnel[]; unread: string | undefined } {
  const { files, unread } = tunnelFiles(stateDirectory);
  const tunnels = [...files.values()].map((each) => new WatchedTunnel(each, stateDirectory, 0));
  const all = unread === undefined ? tunnelProcesses(stateDirectory) : running(stateDirectory);
  for (const tunnel of tunnels) tunnel.processes = processesOf(tunnel.traces, () => all);
  const useOf = readUses(kernel, tunnels);
  return { tunnels: tunnels.map((tunnel) => ({ tunnel, use: useOf(tunnel) })), unread };
}

function tunnelFiles(stateDirectory: string): {
  files: Map<string, TunnelFiles>;
  unread: string | undefined;
} {
  try {
    const { tunnels } = new Inventory(stateDirectory).read();
    for (const [base, files] of straysIn(stateDirectory)) if (!tunnels.has(base)) tunnels.set(base, files);
    return { files: tunnels, unread: undefined };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (hasCode(cause, "ENOENT")) return { files: new Map(), unread: undefined };
    if (!hasCode(cause, "EACCES", "EPERM")) throw error;
    const files = running(stateDirectory).flatMap(({ argv }) => {
      const entry = classifyEntry(posix.basename(configArgument(argv, stateDirectory) ?? ""));
      if (entry.kind !== "config") return [];
      const { base, port } = entry;
      const known = {
        base,
        port,
        finished: undefined,
        unfinished: undefined,
        hasConfig: false,
        hasDirectory: false,
      };
      return [[base, known] as const];
    });
    return {
      files: new Map(files),
      unread: `${stateDirectory}: only root may read it (client certificates, identities, leftovers)`,
    };
  }
}

/** What runs for tunnels; whether in a container with another directory of that name, only root could tell. */
function running(stateDirectory: string) {
  return findProcesses(({ argv }) => configArgument(argv, stateDirectory) !== undefined);
}

/** What is told of a tunnel; `uptimeSeconds` is the machine's. */
export function tunnelStatus({ tunnel }: SeenTunnel, uptimeSeconds: number): TunnelStatus {
  const { state, port, processes, networkNamespace } = tunnel;
  const { stunnel, keeper } = processes;
  const source = parseSource(state?.awsCredentialsMethod ?? "");
  const identity = source === undefined ? undefined : describeSource(source);
  const certificate = state?.certificate === undefined ? undefined : certificateIn(state.certificate, state);
  return {
    port,
    ...(stunnel !== undefined && {
      pid: stunnel.pid,
      ageSeconds: Math.max(0, Math.round(uptimeSeconds - stunnel.startTime / TICKS_A_SECOND)),
      ...(state?.inheritsSocket === true && { kept: keeper !== undefined }),
    }),
    ...(certificate !== undefined && { certificate }),
    ...(identity !== undefined && { identity }),
    ...(state?.accessPoint !== undefined && { accessPoint: state.accessPoint }),
    ...(networkNamespace !== undefined && { networkNamespace }),
  };
}

/** What /proc counts start times in: USER_HZ, which is 100 on every architecture that Linux and node share. */
const TICKS_A_SECOND = 100;

/** When a client certificate was made and until when it is good: what it says itself, else what is recorded. */
function certificateIn(
  path: string,
  { certificateCreationTime }: { certificateCreationTime?: string },
): ClientCertificate | undefined {
  const recorded = certificateCreationTime === undefined ? undefined : utcTime(certificateCreationTime);
  try {
    const expiresAt = new Date(new X509Certificate(readFileSync(path)).validTo);
    return { createdAt: new Date(recorded ?? expiresAt.getTime() - VALID_AFTER_MS), expiresAt };
  } catch {
    if (recorded === undefined) return undefined;
    return { createdAt: new Date(recorded), expiresAt: new Date(recorded + VALID_AFTER_MS) };
  }
}
