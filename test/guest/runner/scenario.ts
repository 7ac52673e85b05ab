import type { Guest } from "./guest.ts";

export interface Scenario {
  body: (guest: Guest) => Promise<void>;
  limitMs: number;
}

/** A scenario; the name of its file says what holds. */
export function scenario(body: Scenario["body"], options: { limitMs?: number } = {}): Scenario {
  return { body, limitMs: options.limitMs ?? 60_000 };
}

/** What the guest tells the host, one JSON line each. */
export type GuestRecord =
  | { type: "ready"; seconds: number }
  /** `limitMs`: when it has ended at the latest, with everything that is cleared away after it. */
  | { type: "begin"; name: string; limitMs: number }
  /** Systemd is told to switch the guest off. */
  | { type: "poweroff" }
  | {
      type: "end";
      name: string;
      ok: boolean;
      seconds: number;
      figures: string[];
      error: string;
      log: string;
    };
