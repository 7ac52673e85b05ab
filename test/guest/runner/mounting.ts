/** Ways to mount beside `product.mount`, and what can be seen of a mount. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type Run } from "./command.ts";
import type { Guest } from "./guest.ts";
import { MOUNT_POINT, STATE } from "./product.ts";

interface Mounting {
  /** Arguments for mount(8) before the options. */
  flags?: string[];
  /** Variables beside those of this process. */
  environment?: Record<string, string>;
  path?: string;
  timeoutMs?: number;
}

/** `mount -t efs`, whatever comes of it. */
export async function tryMount(
  guest: Guest,
  device: string,
  options: string,
  { flags = [], environment = {}, path = MOUNT_POINT, timeoutMs = 60_000 }: Mounting = {},
): Promise<Run> {
  mkdirSync(path, { recursive: true });
  const args = [...flags, "-t", "efs", ...(options === "" ? [] : ["-o", options]), device, path];
  return guest.run("mount", args, { timeoutMs, env: { ...process.env, ...environment } });
}

/** `mount -t efs`, which has to succeed. */
export async function mount(
  guest: Guest,
  device: string,
  options: string,
  mounting: Mounting = {},
): Promise<Run> {
  const done = await tryMount(guest, device, options, mounting);
  if (done.status !== 0) throw new Error(describe(done));
  return done;
}

/** Unmounts, and waits until nothing of any mount is left. */
export async function unmount(guest: Guest, ...paths: string[]): Promise<void> {
  for (const path of paths.length > 0 ? paths : [MOUNT_POINT]) await guest.umount(path);
  await guest.product.gone();
}

/** That a mount leads to this file system: what is written here is there. */
export async function leadsTo(guest: Guest, directory: string, path = MOUNT_POINT): Promise<void> {
  const text = `through ${path} at ${Math.random()}`;
  await guest.write(join(path, "proof"), text);
  const there = await guest.read(join(directory, "proof"));
  if (there !== text) throw new Error(`the server has ${JSON.stringify(there)}, not ${JSON.stringify(text)}`);
}

/** The local port of a mount through a tunnel. */
export function portOf(guest: Guest, path = MOUNT_POINT): number {
  return Number(guest.mountAt(path).options.get("port"));
}

/** The text of stunnel's configuration for the mount at a place. */
export function stunnelConfiguration(guest: Guest, path = MOUNT_POINT): string {
  const text = readFileSync(guest.product.stunnelOf(path).argv.at(-1) ?? "", "utf8");
  guest.log(text);
  return text;
}

/** The ports in the names of state files. */
export function recordedPorts(): number[] {
  return readdirSync(STATE)
    .map((name) => /^fs-[^+]*\.(\d+)$/.exec(name)?.[1])
    .filter((port) => port !== undefined)
    .map(Number);
}

/** The kernel's read-ahead for what is mounted at a place, in KiB. */
export function readAheadKib(path: string): number {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const device = lines.map((line) => line.split(" ")).findLast((fields) => fields[4] === path)?.[2];
  return Number(readFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, "utf8"));
}
