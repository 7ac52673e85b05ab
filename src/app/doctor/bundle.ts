import { chmodSync, createWriteStream, readdirSync, readFileSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import type { CheckReport } from "../../core/diagnose/checks.ts";
import { redacted } from "../../core/diagnose/redact.ts";
import { EfsError } from "../../core/errors.ts";
import { classifyEntry, tunnelPaths } from "../../core/tunnel/names.ts";
import { reason } from "../../system/files.ts";
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
 * Writes what support needs to know of this machine to a gzipped tar file, for its owner's eyes only: every text in
 * it is redacted, and no key or certificate is taken.
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
  parts.set("doctor.json", JSON.stringify(reports, null, 2));
  parts.set("status.json", JSON.stringify(status, null, 2));
  parts.set("versions.txt", versions(context));
  for (const path of filesOf(context)) parts.set(path.replace(/^\/+/, ""), endOf(path));
  await write(file, parts);
}

function versions({ version }: DoctorContext): string {
  return [
    `efs-utils ${version}`,
    `node ${process.versions.node}, OpenSSL ${process.versions.openssl}`,
    textOf("/proc/version"),
    textOf("/etc/os-release"),
  ].join("\n");
}

/** What is taken as it lies there, redacted. */
function filesOf({ paths, fstab }: DoctorContext): string[] {
  const { config, logDirectory, stateDirectory } = paths;
  const logs = ["mount.log", "mount-watchdog.log"].flatMap((name) =>
    existing(() => rotatedFiles(`${logDirectory}/${name}`)),
  );
  const states = existing(() => readdirSync(stateDirectory)).flatMap((name) => {
    const entry = classifyEntry(name);
    if (entry.kind === "directory") return [tunnelPaths(stateDirectory, entry.base).log];
    return entry.kind === "other" ? [] : [`${stateDirectory}/${name}`];
  });
  return [
    config,
    fstab,
    "/proc/self/mountinfo",
    "/proc/self/mountstats",
    "/proc/net/tcp",
    ...logs,
    ...states,
  ];
}

function existing(names: () => string[]): string[] {
  try {
    return names();
  } catch {
    return [];
  }
}

function endOf(path: string): string {
  return textOf(path).slice(-MOST_CHARACTERS);
}

/** What cannot be read says why. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return `(not read: ${reason(error)})\n`;
  }
}

async function write(file: string, parts: Parts): Promise<void> {
  const archive = pack();
  for (const [name, text] of parts)
    archive.entry({ name: `efs-support/${name}`, mode: PRIVATE_MODE }, redacted(text));
  archive.finalize();
  try {
    await pipeline(archive, createGzip(), createWriteStream(file, { flags: "wx", mode: PRIVATE_MODE }));
    chmodSync(file, PRIVATE_MODE);
  } catch (cause) {
    // what is there already is somebody else's
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") rmSync(file, { force: true });
    throw new EfsError("system", `cannot write ${file}: ${reason(cause)}`, {
      hint: "name a file that is not there yet, in a directory that can be written to",
      cause,
    });
  }
}
