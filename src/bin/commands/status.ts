import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import { settingsOrDefaults } from "../../app/status/access.ts";
import { lookAtMounts, type StatusContext } from "../../app/status/look.ts";
import { EfsError } from "../../core/errors.ts";
import { isHealthy, type Status } from "../../core/status/status.ts";
import { quoted } from "../../core/text.ts";
import { SYSTEM_PATHS } from "../../paths.ts";
import { prometheusText } from "../../render/prometheus.ts";
import { statusText } from "../../render/status.ts";
import { writeAtomically } from "../../system/files.ts";
import { SYSTEM_KERNEL } from "../../system/kernel.ts";
import { inquiry, type Outcome } from "./inquiry.ts";
import { interruption, output, say, sayJson, schemaText } from "./terminal.ts";

interface Options {
  readonly watch?: boolean;
  readonly interval: string;
  readonly json?: boolean;
  readonly prometheus?: boolean;
  readonly output?: string;
}

const ANSWER_LIMIT_MS = 5000;
const PUBLIC_MODE = 0o644;

function context(): StatusContext {
  return {
    paths: SYSTEM_PATHS,
    kernel: SYSTEM_KERNEL,
    answerLimitMs: ANSWER_LIMIT_MS,
    tunnelAccess: settingsOrDefaults(SYSTEM_PATHS.config).tunnel_access,
  };
}

export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .argument("[mountpoint]", "tell of this mount only")
    .description("tell how every EFS mount is, what needs somebody first")
    .option("--watch", "tell again and again, in place, until interrupted")
    .option("--interval <seconds>", "with --watch: time between two looks", "2")
    .option("--json", "as JSON")
    .option("--prometheus", "as metrics, in Prometheus's text format")
    .option("--output <file>", "with --json or --prometheus: write it to this file, at once and whole");
  inquiry(command, async (mountPoint: string | undefined, options: Options) => {
    checkOptions(options);
    const look = async () => only(await lookAtMounts(context()), mountPoint);
    return options.watch ? watch(look, intervalMs(options.interval)) : tell(await look(), options);
  });
}

function checkOptions({ watch, json, prometheus, output: file }: Options): void {
  const wrong = (message: string, hint: string) => new EfsError("usage", message, { hint });
  if (json && prometheus) throw wrong("--json and --prometheus exclude each other", "keep one of them");
  if (watch && (json || prometheus))
    throw wrong("--watch is for a terminal", "leave it out, and call status as often as you like");
  if (file !== undefined && !json && !prometheus)
    throw wrong("--output needs --json or --prometheus", "add one of them");
}

function intervalMs(text: string): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.1) return 1000 * seconds;
  throw new EfsError("usage", `--interval ${quoted(text)} is not valid`, {
    hint: "give seconds, 0.1 or more",
  });
}

/** The mount at a place, or all. */
function only(status: Status, mountPoint: string | undefined): Status {
  if (mountPoint === undefined) return status;
  const place = resolve(mountPoint);
  const mounts = status.mounts.filter((mount) => mount.mountPoint === place);
  if (mounts.length > 0) return { ...status, mounts };
  throw new EfsError("usage", `no EFS file system is mounted at ${quoted(place)}`, {
    hint: "see efs-utils status for those that are",
  });
}

function tell(status: Status, { json, prometheus, output: file }: Options): Outcome {
  if (file !== undefined) {
    const text = json ? schemaText("status/1", status) : prometheusText(status).join("\n");
    writeAtomically(resolve(file), `${text}\n`, PUBLIC_MODE);
  } else if (json) sayJson("status/1", status);
  else
    for (const line of prometheus ? prometheusText(status) : statusText(status, output(), Date.now()))
      say(line);
  return isHealthy(status) ? "healthy" : "findings";
}

const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const OTHER_SCREEN = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"] as const;

/** Draws the state over what was drawn before, until a signal asks for the end. */
async function watch(look: () => Promise<Status>, pauseMs: number): Promise<Outcome> {
  if (!output().isTerminal) {
    throw new EfsError("usage", "--watch needs a terminal", { hint: "leave it out, or use --json" });
  }
  const ended = interruption();
  const [enter, leave] = OTHER_SCREEN;
  process.stdout.write(enter);
  let status: Status | undefined;
  try {
    while (!ended.aborted) {
      status = await look();
      if (!ended.aborted) draw(status, pauseMs);
      // interrupted is as good as over
      await setTimeout(pauseMs, undefined, { signal: ended }).catch(() => {});
    }
  } finally {
    process.stdout.write(leave);
  }
  return status === undefined || isHealthy(status) ? "healthy" : "findings";
}

function draw(status: Status, pauseMs: number): void {
  const screen = output();
  const now = new Date();
  const title = screen.paint(
    "quiet",
    `${now.toISOString().slice(11, 19)} UTC, every ${pauseMs / 1000} s; Ctrl-C ends`,
  );
  const lines = [title, "", ...statusText(status, screen, now.getTime())].slice(0, screen.height - 1);
  process.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`);
}
