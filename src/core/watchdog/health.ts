/** What came of asking a server through its tunnel. */
export type Probe =
  | "answered"
  /** Nothing came, although the server can be reached without the tunnel. */
  | "silent"
  /** stunnel lives, and closed the connection: the server, or what stunnel demands of it, is in the way. */
  | "closed"
  /** The server itself cannot be reached: no fault of the tunnel's. */
  | "unreachable";

/** How a tunnel answered so far. Times are in milliseconds on a clock that is never set. */
export interface Health {
  /** Silent probes in a row. */
  readonly silences: number;
  /** Replacements of stunnel since the last answer. */
  readonly replaced: number;
  /** When it is asked next. */
  readonly nextAt: number;
}

/** Silent probes in a row after which a tunnel counts as stuck. */
const STUCK = 2;
/** A silent tunnel is asked again after this long. */
const SOON_MS = 10_000;
/** One that was just taken over is asked within this long: many of them one after the other. */
const FIRST_WITHIN_MS = 60_000;
/** Where replacing stunnel does not help, it is done less and less often, down to this. */
const LONGEST_MS = 3_600_000;

/** A tunnel that was not asked yet. */
export function unknownHealth(now: number, everyMs: number, random: number): Health {
  return { silences: 0, replaced: 0, nextAt: now + random * Math.min(everyMs, FIRST_WITHIN_MS) };
}

/**
 * What follows from a probe; `isStuck` where stunnel is to be replaced. Only silence is a reason for that: a
 * replaced stunnel loses the connections that it has, which may work although new ones are refused.
 */
export function judge(
  { silences, replaced }: Health,
  probe: Probe,
  { now, everyMs, random }: { now: number; everyMs: number; random: number },
): { health: Health; isStuck: boolean } {
  const laterMs = everyMs * (0.9 + 0.2 * random);
  if (probe === "answered")
    return { health: { silences: 0, replaced: 0, nextAt: now + laterMs }, isStuck: false };
  if (probe !== "silent") return { health: { silences: 0, replaced, nextAt: now + laterMs }, isStuck: false };
  if (silences + 1 < STUCK) {
    const nextAt = now + Math.min(laterMs, SOON_MS);
    return { health: { silences: silences + 1, replaced, nextAt }, isStuck: false };
  }
  const pauseMs = Math.min(Math.max(laterMs, LONGEST_MS), laterMs * 2 ** Math.min(replaced, 20));
  return { health: { silences: 0, replaced: replaced + 1, nextAt: now + pauseMs }, isStuck: true };
}
