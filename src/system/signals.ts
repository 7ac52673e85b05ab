import type { ProcessIdentity } from "../core/state/state.ts";
import { isAlive } from "./procfs.ts";

const POLL_MS = 5;

/** Sends a signal to a process if it is still the one that was seen. */
export function sendSignal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    if (isAlive(identity)) process.kill(identity.pid, name);
  } catch {
    // it ended in between
  }
}

/** Whether all of the processes end within so many milliseconds. They need not be children of this one. */
export async function endWithin(processes: readonly ProcessIdentity[], limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (processes.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
