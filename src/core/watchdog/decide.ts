import { backOffMs, FREE_STARTS, STABLE_MS } from "./back-off.ts";
import type { Use } from "./use.ts";

/** What is seen of one tunnel at one moment. */
export interface Observation {
  readonly files: /** There is a state file. */
    | "finished"
    /** There is only the state file of a mount that is being made, or was when its helper died. */
    | "unfinished"
    /** Files without either. */
    | "orphaned"
    /** A state file that cannot be trusted. */
    | "unreadable";
  readonly use: Use;
  /** Whether its stunnel lives. */
  readonly stunnel: boolean;
  /** Whether the process lives that holds its listening socket and restarts stunnel. */
  readonly keeper: boolean;
  /** The helper that makes an unfinished mount: "unknown" where the file does not name it, or in a container. */
  readonly helper: "alive" | "dead" | "unknown";
  /** Whether it runs, or may run, in a container that cannot be looked into. */
  readonly elsewhere: boolean;
  /** Whether a mount.nfs4 for its port runs. */
  readonly mounting: boolean;
  /** How long ago the newest of its files was written; negative where the clock was set back. */
  readonly ageMs: number;
  /** How long ago it was recorded as unmounted, where it was. */
  readonly recordedUnusedMs: number | undefined;
}

/** What is remembered of a tunnel from one look to the next. Times are of a clock that is never set. */
export interface Memory {
  /** Its use at the last look: since when it is that, and when that was first seen. */
  readonly use: { readonly is: Use; readonly since: number; readonly seenAt: number } | undefined;
  readonly attempt: Attempt | undefined;
}

/** What was attempted last. */
export interface Attempt {
  readonly of: Action;
  /** How often in a row. */
  readonly count: number;
  readonly at: number;
  /** When it may be attempted again. */
  readonly next: number;
  /** Whether it led to what it was to. */
  readonly worked: boolean;
  /** When what it started was found dead. */
  readonly endedAt: number | undefined;
}

export const NO_MEMORY: Memory = { use: undefined, attempt: undefined };

export type Action =
  | "leave"
  /** Start keeper and stunnel. */
  | "start"
  /** End what runs and delete the files. */
  | "end"
  /** Turn the unfinished state file into a finished one: its mount was made. */
  | "finish";

export interface Decision {
  readonly action: Action;
  readonly memory: Memory;
  /** When to look again although nothing was reported; undefined where an event or the next round will do. */
  readonly lookInMs: number | undefined;
}

/** What the moment of a decision brings with it. */
export interface Moment {
  /** Milliseconds on a clock that is never set. */
  readonly now: number;
  /** From 0 to 1. */
  readonly random: number;
  /** How long a tunnel is kept after its unmount. */
  readonly graceMs: number;
}

/** Two looks, this far apart, must agree that nobody needs a tunnel: one reading of a table may miss a line. */
const CONFIRM_MS = 60;
/** How often the kernel's clients are looked at while a tunnel lingers: soon after the unmount, and later. */
const LINGER_SOON_MS = 200;
const LINGER_LATER_MS = 1000;
const SOON_MS = 5000;
/** How often a helper that makes a mount is looked at. */
const HELPER_MS = 1000;
/** How often one is looked for that runs where it cannot be seen. */
const ELSEWHERE_MS = 1000;
/** An unfinished mount whose helper is not named is given this long; so is a mount.nfs4 without its helper. */
const UNFINISHED_MS = 600_000;
/** Files without a state file are given this long: they may be those of a helper that has just begun. */
const ORPHANED_MS = 60_000;

/** What is to be done about a tunnel. */
export function decide(seen: Observation, before: Memory, moment: Moment): Decision {
  const memory = { ...before, use: useSince(seen, before, moment.now) };
  const leave = (lookInMs?: number): Decision => ({ action: "leave", memory, lookInMs });
  const age = Math.abs(seen.ageMs);
  // what others can see is not for us to end or to double
  if (seen.elsewhere) return leave(ELSEWHERE_MS);
  switch (seen.files) {
    case "unreadable":
      return leave();
    case "unfinished":
      if (seen.helper === "alive") return leave(HELPER_MS);
      if ((seen.helper === "unknown" || seen.mounting) && age < UNFINISHED_MS) return leave(HELPER_MS);
      if (seen.use !== "unused") return attempt("finish", memory, moment);
      return retire(memory, { ...moment, graceMs: 0 });
    case "orphaned":
      if (seen.use !== "unused") return leave();
      if (age < ORPHANED_MS) return leave(ORPHANED_MS - age);
      return retire(memory, { ...moment, graceMs: 0 });
    case "finished":
      return seen.use === "unused" ? retire(memory, moment) : keep(seen, memory, moment);
  }
}

type Remembered = Memory & { readonly use: NonNullable<Memory["use"]> };

function useSince({ use, recordedUnusedMs }: Observation, { use: last }: Memory, now: number) {
  if (last?.is === use) return last;
  // only what an earlier watchdog recorded counts: the wall clock may have been set since
  const earlier = last === undefined && use === "unused" ? Math.max(0, recordedUnusedMs ?? 0) : 0;
  return { is: use, since: now - earlier, seenAt: now };
}

/** A tunnel that is needed. */
function keep(seen: Observation, memory: Remembered, moment: Moment): Decision {
  const { now } = moment;
  const leave = (lookInMs?: number): Decision => ({ action: "leave", memory, lookInMs });
  const linger = now - memory.use.since < SOON_MS ? LINGER_SOON_MS : LINGER_LATER_MS;
  const lookInMs = seen.use === "lingering" ? linger : undefined;
  if (seen.keeper || seen.stunnel) return leave(lookInMs);
  return attempt("start", memory, moment, lookInMs);
}

/** A tunnel that nobody needs. */
function retire(memory: Remembered, moment: Moment): Decision {
  const { now, graceMs } = moment;
  const left = Math.max(memory.use.since + graceMs, memory.use.seenAt + CONFIRM_MS) - now;
  return left > 0 ? { action: "leave", memory, lookInMs: left } : attempt("end", memory, moment);
}

/** An action, unless it was attempted in vain a moment ago. */
function attempt(
  action: Action,
  memory: Memory,
  moment: Moment,
  lookInMs = Number.POSITIVE_INFINITY,
): Decision {
  const { now } = moment;
  const last = memory.attempt?.of === action ? memory.attempt : undefined;
  const endedAt = last?.endedAt ?? now;
  const isNew = last === undefined || (last.worked && endedAt - last.at >= STABLE_MS);
  const isFree = isNew || (last.worked && last.count < FREE_STARTS);
  if (!isFree && now < last.next) {
    const waiting = { ...memory, attempt: { ...last, endedAt } };
    return { action: "leave", memory: waiting, lookInMs: Math.min(last.next - now, lookInMs) };
  }
  const tried: Attempt = {
    of: action,
    count: isNew ? 1 : last.count + 1,
    at: now,
    next: now,
    worked: false,
    endedAt: undefined,
  };
  return { action, memory: afterFailure({ ...memory, attempt: tried }, moment), lookInMs: undefined };
}

/** The memory after the last attempt worked. */
export function afterSuccess(memory: Memory): Memory {
  return memory.attempt === undefined ? memory : { ...memory, attempt: { ...memory.attempt, worked: true } };
}

/** The memory after the last attempt failed, just now: the next one waits from here on. */
export function afterFailure(memory: Memory, { now, random }: Pick<Moment, "now" | "random">): Memory {
  const last = memory.attempt;
  if (last === undefined) return memory;
  return { ...memory, attempt: { ...last, next: now + backOffMs(last.count, random) } };
}
