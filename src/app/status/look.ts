import type { AccessMode } from "../../core/access/mode.ts";
import type { LogEntry } from "../../core/logs/entry.ts";
import { countRestarts, isOfMount, type LoggedMount, lastMounts } from "../../core/logs/mounted.ts";
import { type MountStats, parseMountStats } from "../../core/nfs/mount-stats.ts";
import { type MountEntry, tunnelPort } from "../../core/nfs/mount-table.ts";
import { parseEfsHostName } from "../../core/request/device.ts";
import { addressOf, splitSource, tunnelOf } from "../../core/status/join.ts";
import { leftoverProblem, mountProblems } from "../../core/status/problems.ts";
import {
  type Answer,
  inOrder,
  type MountStatus,
  type Problem,
  type Status,
  type TunnelAccess,
} from "../../core/status/status.ts";
import { trafficOf } from "../../core/status/traffic.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import { hasCode, reason } from "../../system/errno.ts";
import type { Kernel } from "../../system/kernel.ts";
import { lifeOf } from "../../system/namespaces.ts";
import { readProcFile } from "../../system/proc-file.ts";
import { callNull } from "../../system/rpc.ts";
import { connectionsOf } from "../../system/sockets.ts";
import { runningWatchdog } from "../../system/watchdog-lock.ts";
import { readLog } from "../logs/read.ts";
import { tunnelAccess } from "./access.ts";
import { type SeenTunnel, seeTunnels, tunnelStatus } from "./tunnels.ts";

/** Where a look is taken. */
export interface StatusContext {
  readonly paths: { readonly stateDirectory: string; readonly logDirectory: string };
  readonly kernel: Kernel;
  /** How long a file system has to answer, in milliseconds. */
  readonly answerLimitMs: number;
  /** Who is to have access to tunnels; where it is not given, nobody looks who has. */
  readonly tunnelAccess?: AccessMode;
}

/**
 * Looks at every mount of EFS, asks each file system for an answer, all at the same time, and at what is left
 * over. Changes nothing.
 *
 * @throws EfsError (system) where the mount table or /proc cannot be read
 */
export async function lookAtMounts(context: StatusContext): Promise<Status> {
  const { stateDirectory, logDirectory } = context.paths;
  const now = Date.now();
  const uptimeSeconds = Number(readProcFile("/proc/uptime").split(" ")[0]);
  const { tunnels, unread } = seeTunnels(stateDirectory, context.kernel);
  const accessOf =
    context.tunnelAccess === undefined
      ? () => undefined
      : await tunnelAccess(tunnels.map(({ tunnel }) => tunnel));
  const logs = new Logs(logDirectory);
  const logged = lastMounts(logs.entries("mount"));
  const stats = parseMountStats(readProcFile("/proc/self/mountstats"));
  const used = new Set<SeenTunnel>();
  const mounts = context.kernel.mounts("self").flatMap((mount) => {
    if (!mount.type.startsWith("nfs")) return [];
    const known = tunnelOf(mount, tunnels.map(recorded))?.seen;
    const ofMount = statsOf(mount, stats);
    const line = logged.get(mount.mountPoint);
    const isLogged = line !== undefined && isOfMount(line, ofMount?.ageSeconds, now);
    const found = { mount, known, logged: isLogged ? line : undefined, stats: ofMount };
    if (!isOfEfs(found)) return [];
    if (known !== undefined) used.add(known);
    return found;
  });
  const statuses = await Promise.all(
    mounts.map((found) => mountStatus(found, { context, now, uptimeSeconds, logs, accessOf })),
  );
  const hasWatchdog = runningWatchdog(stateDirectory) !== undefined;
  const orphans = tunnels
    .filter((seen) => !used.has(seen))
    .flatMap((seen) => leftover(seen, hasWatchdog, uptimeSeconds) ?? []);
  return {
    mounts: inOrder([...statuses, ...orphans]),
    problems: [...watchdogProblem(tunnels, hasWatchdog, unread), ...unreadable(tunnels)],
    unread: [...(unread === undefined ? [] : [unread]), ...logs.unread],
  };
}

interface FoundMount {
  readonly mount: MountEntry;
  readonly known: SeenTunnel | undefined;
  readonly logged: LoggedMount | undefined;
  readonly stats: MountStats | undefined;
}

function recorded(seen: SeenTunnel) {
  return { ...seen.tunnel.recordedMount, seen };
}

/** The topmost mount at a place is the last one. */
function statsOf({ mountPoint }: MountEntry, stats: readonly MountStats[]): MountStats | undefined {
  return stats.findLast((each) => each.mountPoint === mountPoint);
}

/** Whether an NFS mount is one of EFS: by its tunnel, its server's name, or the log. */
function isOfEfs({ mount, known, logged }: FoundMount): boolean {
  const { host } = splitSource(mount.source);
  return known !== undefined || parseEfsHostName(host) !== undefined || logged !== undefined;
}

interface Look {
  readonly context: StatusContext;
  readonly now: number;
  readonly uptimeSeconds: number;
  readonly logs: Logs;
  accessOf(tunnel: SeenTunnel["tunnel"]): TunnelAccess | undefined;
}

async function mountStatus({ mount, known, logged, stats }: FoundMount, look: Look): Promise<MountStatus> {
  const { host, path } = splitSource(mount.source);
  const port = known?.tunnel.port ?? tunnelPort(mount);
  const { state, base } = known?.tunnel ?? {};
  const fileSystem = state?.fsId ?? base?.split(".")[0] ?? parseEfsHostName(host)?.fsId ?? logged?.fsId;
  const dnsName = parseEfsHostName(host) === undefined ? logged?.dnsName : host;
  const ageSeconds =
    stats?.ageSeconds ?? (state?.mount_time && Math.round(look.now / 1000 - state.mount_time));
  const access = known && look.accessOf(known.tunnel);
  const tunnel = known && {
    ...tunnelStatus(known, look.uptimeSeconds),
    ...(access !== undefined && { access }),
    ...look.logs.restarts(known, look.now - 1000 * (ageSeconds ?? 0)),
  };
  const address =
    port === undefined
      ? addressOf(mount)
      : connectionsOf(tunnel?.pid ?? -1).find((connection) => connection.port === NFS_PORT)?.address;
  const answer = await ask(mount, tunnel ?? (port === undefined ? undefined : { port }), look.context);
  const status: Omit<MountStatus, "problems"> = {
    kind: "mount",
    mountPoint: mount.mountPoint,
    ...(fileSystem !== undefined && { fileSystem }),
    ...(dnsName !== undefined && { dnsName }),
    path,
    protection: port === undefined ? "plain" : "tls",
    ...(tunnel !== undefined && { tunnel }),
    ...(address !== undefined && { address }),
    ...(answer !== undefined && { answer }),
    ...(stats !== undefined && { traffic: trafficOf(stats) }),
    ...(ageSeconds !== undefined && { ageSeconds }),
  };
  return { ...status, problems: mountProblems(status, look.now, look.context.tunnelAccess) };
}

/** Calls the file system twice: a tunnel makes a connection of its own for that. */
async function ask(
  mount: MountEntry,
  tunnel: { port: number; networkNamespace?: string } | undefined,
  { answerLimitMs }: StatusContext,
): Promise<Answer | undefined> {
  const host = tunnel === undefined ? addressOf(mount) : "127.0.0.1";
  if (host === undefined || tunnel?.networkNamespace !== undefined) return undefined;
  const answers = await callNull(host, tunnel?.port ?? NFS_PORT, answerLimitMs, { times: 2 });
  const [first, second] = answers.answeredMs;
  const secondSent = answers.sentMs[1];
  return {
    outcome: answers.outcome === "other" ? "closed" : answers.outcome,
    ...(first !== undefined && { connectMs: first }),
    ...(second !== undefined && secondSent !== undefined && { roundTripMs: second - secondSent }),
  };
}

/** A tunnel that no mount uses: nothing to tell of while its mount is being made, or may linger. */
function leftover(seen: SeenTunnel, hasWatchdog: boolean, uptimeSeconds: number): MountStatus | undefined {
  const { tunnel, use } = seen;
  const { finished, unfinished } = tunnel.files;
  const { helper, namespaces } = unfinished?.state ?? {};
  const isBeingMade = helper !== undefined && lifeOf(helper, namespaces) !== "dead";
  if (use !== "unused" || isBeingMade || (finished ?? unfinished)?.problem !== undefined) return undefined;
  const kind = finished === undefined && unfinished !== undefined ? "unfinished" : "unused";
  const fileSystem = tunnel.state?.fsId ?? tunnel.base.split(".")[0];
  return {
    kind: "orphan",
    ...(tunnel.state?.mountpoint !== undefined && { mountPoint: tunnel.state.mountpoint }),
    ...(fileSystem !== undefined && { fileSystem }),
    protection: "tls",
    tunnel: tunnelStatus(seen, uptimeSeconds),
    problems: [leftoverProblem(kind, tunnel.base, hasWatchdog)],
  };
}

function watchdogProblem(
  tunnels: readonly SeenTunnel[],
  hasWatchdog: boolean,
  unread: string | undefined,
): Problem[] {
  // who may not read the directory cannot see the watchdog's file either
  if (hasWatchdog || tunnels.length === 0 || unread !== undefined) return [];
  return [
    {
      what: "no watchdog runs: tunnels that die are not ended or replaced, and certificates not renewed",
      remedy: "systemctl enable --now amazon-efs-mount-watchdog",
    },
  ];
}

function unreadable(tunnels: readonly SeenTunnel[]): Problem[] {
  return tunnels.flatMap(({ tunnel }) => {
    const problem = tunnel.file?.problem;
    return problem === undefined ? [] : [{ what: problem.message, remedy: problem.hint ?? "" }];
  });
}

/** The logs, as far as they can be read. */
class Logs {
  readonly #directory: string;
  readonly #read = new Map<string, LogEntry[]>();
  readonly unread: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  entries(source: "mount" | "watchdog"): LogEntry[] {
    const path = `${this.#directory}/${source === "mount" ? "mount" : "mount-watchdog"}.log`;
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const entries = this.#readNow(path, source);
    this.#read.set(path, entries);
    return entries;
  }

  #readNow(path: string, source: "mount" | "watchdog"): LogEntry[] {
    try {
      return readLog(path, source).entries;
    } catch (error) {
      if (!hasCode(error, "ENOENT")) this.unread.push(`${path}: ${reason(error)}`);
      return [];
    }
  }

  /** How often a tunnel's stunnel was replaced, where the log can be read. */
  restarts({ tunnel }: SeenTunnel, since: number): { restarts?: number } {
    const entries = this.entries("watchdog");
    return entries.length === 0 ? {} : { restarts: countRestarts(entries, tunnel.port, since) };
  }
}
