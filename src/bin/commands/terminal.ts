import { type Paint, paintFor } from "../../render/paint.ts";
import type { Layout } from "../../render/table.ts";

/** What a terminal that does not tell its width is taken to have. */
const USUAL_WIDTH = 80;

/** Where a command's result goes: a terminal, or a file or pipe, for which nothing is wrapped or coloured. */
export interface Output extends Layout {
  readonly paint: Paint;
  readonly isTerminal: boolean;
  /** Rows of the terminal; infinite where there is none. */
  readonly height: number;
}

/** Standard output as it is now. Colours are a terminal's that has some, and NO_COLOR is honoured. */
export function output(): Output {
  const { stdout } = process;
  if (!stdout.isTTY) {
    const endless = Number.POSITIVE_INFINITY;
    return { isTerminal: false, width: endless, height: endless, paint: paintFor(false) };
  }
  return {
    isTerminal: true,
    width: stdout.columns || USUAL_WIDTH,
    height: stdout.rows || Number.POSITIVE_INFINITY,
    paint: paintFor(stdout.hasColors()),
  };
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * A command's result for programs. Its schema's name and version come first, see docs/json.md: what is there
 * keeps its name and meaning within a version, and more may be added.
 */
export function schemaText(schema: `${string}/${number}`, result: object): string {
  return JSON.stringify({ schema: `efs-utils.${schema}`, ...result }, null, 2);
}

export function sayJson(schema: `${string}/${number}`, result: object): void {
  say(schemaText(schema, result));
}

/** Aborted, for this reason, by the signals that end a command; a second one ends it whatever it does. */
export function interruption(reason?: Error): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => controller.abort(reason));
  }
  return controller.signal;
}
