import type { AccessMode, PortChange } from "./mode.ts";

/** What is known of the ports of one network namespace. */
export interface PortFacts {
  /** Those of the tunnels that there are. */
  readonly tunnels: ReadonlySet<number>;
  /** Those that are closed to other users. */
  readonly closed: ReadonlySet<number>;
  /** Those on which root listens: they may be tunnels that another watchdog looks after, or mounts just begun. */
  readonly listening: ReadonlySet<number>;
}

/**
 * What is to be done so that the ports of tunnels are closed, and no others.
 *
 * @param isFull whether the rules are written again although they seem to be there
 */
export function planAccess(
  { tunnels, closed, listening }: PortFacts,
  mode: AccessMode,
  isFull: boolean,
): PortChange | "clear" | undefined {
  const open = [...closed].filter((port) => !tunnels.has(port) && !listening.has(port));
  // a port that was closed by another mode stays so until its tunnel ends
  const close = [...tunnels].filter((port) => mode !== "any" || closed.has(port));
  if (close.length === 0 && open.length === closed.size)
    return isFull || closed.size > 0 ? "clear" : undefined;
  const isMissing = close.some((port) => !closed.has(port));
  return isFull || isMissing || open.length > 0 ? { close, open } : undefined;
}
