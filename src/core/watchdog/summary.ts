/** What a watchdog has to look after. */
export interface Watched {
  readonly tunnels: number;
  readonly running: number;
  /** Those whose state file cannot be used. */
  readonly unreadable: number;
}

/** The same in a reader's words. */
export function summaryOf({ tunnels, running, unreadable }: Watched): string {
  const rest = unreadable === 0 ? "" : `, ${unreadable} with a state file that cannot be used`;
  return `${tunnels} tunnel${tunnels === 1 ? "" : "s"}, ${running} of them running${rest}`;
}
