import { readdirSync } from "node:fs";
import { parseFileSystemId } from "../../core/ids.ts";
import { isRoutine, type LogEntry, type LogSource, parseLog } from "../../core/logs/entry.ts";
import { loggedMount } from "../../core/logs/mounted.ts";
import {
  concerns,
  fileSystemSubject,
  isTunnelOf,
  mountPointSubject,
  type Subject,
} from "../../core/logs/subject.ts";
import { classifyEntry, tunnelPaths } from "../../core/tunnel/names.ts";
import { hasCode, reason } from "../../system/errno.ts";
import type { Extent } from "../../system/tail.ts";
import { readLog } from "./read.ts";

/** A line of a log, with whose it is. */
export interface HistoryEntry extends LogEntry {
  readonly source: LogSource;
  /** The name of the tunnel that wrote it. */
  readonly tunnel?: string;
}

/** Where logs are. */
export interface LogPlaces {
  readonly stateDirectory: string;
  readonly logDirectory: string;
}

/** A log that tells something of the subject. */
export interface LogFile {
  readonly path: string;
  readonly source: LogSource;
  readonly tunnel?: string;
  /** How far it was read. */
  end?: Extent | undefined;
}

export interface History {
  /** Oldest first. */
  readonly entries: readonly HistoryEntry[];
  readonly unread: readonly string[];
  /** The logs that they are from, as they are written to now. */
  readonly files: readonly LogFile[];
  readonly isWanted: (entry: HistoryEntry) => boolean;
}

/**
 * What the logs say of a subject (a file system's id or a mount point; undefined: of everything), in one order.
 *
 * @param since milliseconds since the epoch
 * @param verbose also what stunnel says of every connection
 */
export function readHistory(
  places: LogPlaces,
  name: string | undefined,
  { since, verbose }: { since: number; verbose: boolean },
): History {
  const unread: string[] = [];
  const read = (file: LogFile): HistoryEntry[] => {
    try {
      const { entries, end } = readLog(file.path, file.source);
      file.end = end;
      return entries.map((entry) => withSource(entry, file));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) unread.push(`${file.path}: ${reason(error)}`);
      return [];
    }
  };
  const common: LogFile[] = [
    { path: `${places.logDirectory}/mount.log`, source: "mount" },
    { path: `${places.logDirectory}/mount-watchdog.log`, source: "watchdog" },
  ];
  const texts = common.flatMap(read);
  const subject = name === undefined ? undefined : subjectOf(name, texts);
  const tunnels = tunnelLogs(places, subject, unread);
  const isWanted = (entry: HistoryEntry) => {
    if (entry.time < since) return false;
    if (entry.source === "tunnel") return verbose || !isRoutine(entry);
    return subject === undefined || concerns(entry.message, subject);
  };
  const entries = [...texts, ...tunnels.flatMap(read)].filter(isWanted);
  return {
    entries: entries.sort((one, other) => one.time - other.time),
    unread,
    files: [...common, ...tunnels],
    isWanted,
  };
}

/** The entries of a text that was just written to a log. */
export function entriesOf(text: string, file: LogFile): HistoryEntry[] {
  return parseLog(text, file.source).map((entry) => withSource(entry, file));
}

function withSource(entry: LogEntry, { source, tunnel }: LogFile): HistoryEntry {
  return { ...entry, source, ...(tunnel !== undefined && { tunnel }) };
}

function subjectOf(name: string, entries: readonly LogEntry[]): Subject {
  const fsId = parseFileSystemId(name);
  if (fsId !== undefined) return fileSystemSubject(fsId);
  const mounts = entries.flatMap((entry) => loggedMount(entry) ?? []);
  return mountPointSubject(name, mounts);
}

/** The logs of tunnels that run: their own, and stunnel's debug logs. */
function tunnelLogs(
  { stateDirectory, logDirectory }: LogPlaces,
  subject: Subject | undefined,
  unread: string[],
): LogFile[] {
  const isWanted = (base: string) =>
    classifyEntry(base).kind === "state" && (subject === undefined || isTunnelOf(base, subject));
  const file = (path: string, base: string): LogFile => ({ path, source: "tunnel", tunnel: base });
  const own = namesIn(stateDirectory, unread)
    .filter((name) => name.endsWith("+") && isWanted(name.slice(0, -1)))
    .map((name) => file(tunnelPaths(stateDirectory, name.slice(0, -1)).log, name.slice(0, -1)));
  const debug = namesIn(logDirectory, []).flatMap((name) => {
    const base = /^(.*)\.stunnel\.log$/s.exec(name)?.[1];
    return base !== undefined && isWanted(base) ? file(`${logDirectory}/${name}`, base) : [];
  });
  return [...own, ...debug];
}

function namesIn(directory: string, unread: string[]): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (!hasCode(error, "ENOENT")) unread.push(`${directory}: ${reason(error)}`);
    return [];
  }
}
