import { createWriteStream, fchmodSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import type { CheckReport } from "../../core/doctor/checks.ts";
import {
  harmlessConfig,
  harmlessFstab,
  harmlessLog,
  harmlessMounts,
  harmlessReport,
  harmlessSockets,
  harmlessState,
  harmlessStats,
  harmlessStunnelConfig,
} from "../../core/doctor/harmless.ts";
import { redacted } from "../../core/doctor/redact.ts";
import { EfsError } from "../../core/errors.ts";
import { tunnelPort } from "../../core/nfs/mount-table.ts";
import { classifyEntry, tunnelPaths } from "../../core/tunnel/names.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import { reason } from "../../system/errno.ts";
import { rotatedFiles } from "../logs/read.ts";
import { lookAtMounts } from "../status/look.ts";
import type { DoctorContext } from "./examination.ts";

const PRIVATE_MODE = 0o600;
const ANSWER_LIMIT_MS = 10_000;
/** So much of the end of each file is taken. */
const MOST_CHARACTERS = 1024 * 1024;

/** Names of what a bundle has, each without secrets. */
type Parts = Map<string, string>;

/**
 * Writes what support needs to know of this machine to a gzipped tar file, for its owner's eyes only. What is
 * taken is what is known to be harmless: lines about EFS, in known formats, with known names.
 *
 * @throws EfsError (system) where it cannot be written; nothing is left then
 */
export async function writeBundle(
  file: string,
  context: DoctorContext,
  reports: readonly CheckReport[],
): Promise<void> {
  const { paths, kernel } = context;
  const parts: Parts = new Map();
  const status = await lookAtMounts({ paths, kernel, answerLimitMs: ANSWER_LIMIT_MS });
  parts.set("doctor.json", harmlessReport(reports));
  parts.set("status.json", harmlessReport(status));
  parts.set("versions.txt", redacted(versions(context)));
  const add = (path: string, harmless: (text: string) => string) =>
    parts.set(path.replace(/^\/+/, ""), textOf(path, harmless));
  const mounts = kernel.mounts("self");
  const ports = new Set([NFS_PORT, ...mounts.flatMap((mount) => tunnelPort(mount) ?? [])]);
  add(paths.config, harmlessConfig);
  add(context.fstab, harmlessFstab);
  parts.set("proc/self/mountinfo", harmlessMounts(mounts));
  add("/proc/self/mountstats", (text) => harmlessStats(text, mounts));
  add("/proc/net/tcp", (text) => harmlessSockets(text, ports));
  for (const [name, source] of LOGS)
    for (const path of existing(() => rotatedFiles(`${paths.logDirectory}/${name}`)))
      add(path, (text) => harmlessLog(text, source));
  addTunnels(paths.stateDirectory, add);
  await write(file, parts);
}

const LOGS = [
  ["mount.log", "mount"],
  ["mount-watchdog.log", "watchdog"],
] as const;

/** Adds what the state directory has of tunnels: state, configuration and log of each. */
function addTunnels(
  directory: string,
  add: (path: string, harmless: (text: string) => string) => void,
): void {
  for (const name of existing(() => readdirSync(directory))) {
    const entry = classifyEntry(name);
    if (entry.kind === "directory")
      add(tunnelPaths(directory, entry.base).log, (text) => harmlessLog(text, "tunnel"));
    if (entry.kind === "config") add(`${directory}/${name}`, harmlessStunnelConfig);
    if (entry.kind === "state" || entry.kind === "unfinished")
      add(`${directory}/${name}`, (text) => harmlessState(text, name, directory));
  }
}

function versions({ version }: DoctorContext): string {
  return [
    `efs-utils ${version}`,
    `node ${process.versions.node}, OpenSSL ${process.versions.openssl}`,
    textOf("/proc/version"),
    textOf("/etc/os-release"),
  ].join("\n");
}

function existing(names: () => string[]): string[] {
  try {
    return names();
  } catch {
    return [];
  }
}

/** What is harmless of the end of a file; of one that cannot be read, why. */
function textOf(path: string, harmless: (text: string) => string = (text) => text): string {
  try {
    return harmless(readFileSync(path, "utf8").slice(-MOST_CHARACTERS));
  } catch (error) {
    return `(not read: ${reason(error)})\n`;
  }
}

async function write(file: string, parts: Parts): Promise<void> {
  const archive = pack();
  for (const [name, text] of parts) archive.entry({ name: `efs-support/${name}`, mode: PRIVATE_MODE }, text);
  archive.finalize();
  try {
    const descriptor = openSync(file, "wx", PRIVATE_MODE);
    fchmodSync(descriptor, PRIVATE_MODE);
    await pipeline(archive, createGzip(), createWriteStream("", { fd: descriptor }));
  } catch (cause) {
    // what is there already is somebody else's
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") rmSync(file, { force: true });
    throw new EfsError("system", `cannot write ${file}: ${reason(cause)}`, {
      hint: "name a file that is not there yet, in a directory that can be written to",
      cause,
    });
  }
}
