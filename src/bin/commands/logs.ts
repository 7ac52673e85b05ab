import { resolve } from "node:path";
import type { Command } from "commander";
import { followLogs } from "../../app/logs/follow.ts";
import { type HistoryEntry, readHistory } from "../../app/logs/history.ts";
import { EfsError } from "../../core/errors.ts";
import { parseFileSystemId } from "../../core/ids.ts";
import { parseSince } from "../../core/logs/since.ts";
import { printable } from "../../core/text.ts";
import { SYSTEM_PATHS } from "../../paths.ts";
import { historyLines } from "../../render/logs.ts";
import { inquiry } from "./inquiry.ts";
import { interruption, output, say, sayJson } from "./terminal.ts";

interface Options {
  readonly since?: string;
  readonly follow?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

export function addLogs(program: Command): void {
  const command = program
    .command("logs")
    .argument("[subject]", "a file system's id or a mount point")
    .description("tell what happened to mounts, from all logs in one order")
    .option("--since <time>", "not what is older: 30m, 2h, 1d, or a date as 2026-11-24 18:30")
    .option("--follow", "go on with what is written from now on, until interrupted")
    .option("--verbose", "also what stunnel says of every connection")
    .option("--json", "as JSON; with --follow, one object a line");
  inquiry(command, async (subject: string | undefined, { since, follow, verbose = false, json }: Options) => {
    const from = since === undefined ? Number.NEGATIVE_INFINITY : parseSince(since, Date.now());
    const history = readHistory(SYSTEM_PATHS, subject && subjectName(subject), { since: from, verbose });
    const { entries, unread, files, isWanted } = history;
    const layout = output();
    for (const what of unread) process.stderr.write(`efs-utils: not read: ${printable(what)}\n`);
    if (entries.length === 0 && unread.length >= files.length)
      throw new EfsError("permission", "none of the logs can be read", { hint: "run it with sudo" });
    const tell = (entry: HistoryEntry) => {
      if (json) say(JSON.stringify(forPrograms(entry)));
      else for (const line of historyLines(entry, layout)) say(line);
    };
    if (json && !follow) sayJson("logs/1", { entries: entries.map(forPrograms) });
    else for (const entry of entries) tell(entry);
    if (follow) await followLogs(files, (more) => more.filter(isWanted).forEach(tell), interruption());
    return "healthy";
  });
}

/** An id as it is, anything else as the path of a mount point. */
function subjectName(text: string): string {
  return parseFileSystemId(text) ?? resolve(text);
}

function forPrograms({ time, ...entry }: HistoryEntry): object {
  return { time: new Date(time).toISOString(), ...entry };
}
