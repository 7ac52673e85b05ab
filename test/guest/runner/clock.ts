/** The guest's clock, which a scenario may set: it goes on from there, and is put right when the scenario ends. */
import { must } from "./command.ts";
import type { Guest } from "./guest.ts";
import { uptime } from "./proc.ts";

/** What a machine sees that wakes up after so many minutes: a later time, and nothing else has changed. */
export async function sleepFor(guest: Guest, minutes: number): Promise<void> {
  const set = (ms: number) => must("date", ["-s", `@${(ms / 1000).toFixed(3)}`]);
  const [wall, up] = [Date.now(), uptime()];
  guest.onEnd(() => set(wall + (uptime() - up) * 1000));
  await set(wall + minutes * 60_000);
  guest.log(`the clock went on by ${minutes} minutes`);
}
