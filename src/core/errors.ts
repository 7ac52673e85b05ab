import { joinLines, printable } from "./text.ts";

/**
 * What can go wrong, in the classes that decide the exit status. Messages name the thing and the cause;
 * the hint says what to do about it.
 */
export type ErrorKind =
  /** A wrong argument or option. */
  | "usage"
  /** A wrong value in the configuration file, or none where one is needed. */
  | "config"
  /** The caller may not do this. */
  | "permission"
  /** The machine cannot: a process does not start, no space, no memory, a program is missing. */
  | "system"
  /** The mount itself failed: name, network, TLS or NFS. */
  | "mount"
  /** SIGINT or SIGTERM; everything that was started is undone. */
  | "interrupted"
  /** A defect of this program. */
  | "bug";

/** The exit statuses of mount(8), which mount helpers share. */
const EXIT_STATUS: Record<ErrorKind, number> = {
  usage: 1,
  config: 1,
  permission: 1,
  system: 2,
  bug: 4,
  interrupted: 8,
  mount: 32,
};

export interface EfsErrorDetails {
  /** What the reader can do about it. */
  hint?: string;
  /** What was caught, for the log. */
  cause?: unknown;
  /** The exit status of the program that failed, passed on instead of the kind's own. */
  status?: number;
}

/** The only error that reaches a user; anything else is a bug. */
export class EfsError extends Error {
  override readonly name = "EfsError";
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly status: number;

  constructor(kind: ErrorKind, message: string, details: EfsErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.hint = details.hint;
    this.status = details.status ?? EXIT_STATUS[kind];
  }

  /** The same error in words that say more of where it happened; its remedy, its cause and its status stay. */
  reworded(message: string, status = this.status): EfsError {
    const { kind, hint, cause } = this;
    return new EfsError(kind, message, { ...(hint !== undefined && { hint }), cause, status });
  }
}

/** Wraps what is no EfsError as a bug, so that every failure has a kind and a status. */
export function asEfsError(error: unknown): EfsError {
  if (error instanceof EfsError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new EfsError("bug", `internal error: ${text}`, {
    cause: error,
    hint: "this is a defect of the mount helper: please report it with the stack in the log",
  });
}

/** The one line that a user reads: what is wrong, then what to do. */
export function oneLine(error: EfsError): string {
  const text = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
  return printable(joinLines(text, " ").trim());
}
