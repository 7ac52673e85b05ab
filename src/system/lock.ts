import { closeSync, openSync, statSync } from "node:fs";
import { EfsError } from "../core/errors.ts";
import { reason } from "./files.ts";
import { run } from "./process.ts";

/**
 * Takes an exclusive lock on a file or a directory and keeps it until `release` or the end of this process, however it
 * ends. flock(2) belongs to the open file, so that flock(1) can take it on a descriptor it inherits.
 *
 * @param waitMs how long to wait for whoever has it; 0 does not wait
 * @returns undefined where somebody else has it still
 * @throws EfsError (system) where the file cannot be opened or flock(1) does not run
 */
export async function takeLock(path: string, waitMs: number): Promise<{ release(): void } | undefined> {
  let descriptor: number;
  try {
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    descriptor = openSync(path, isDirectory ? "r" : "a", 0o600);
  } catch (cause) {
    throw new EfsError("system", `cannot open ${path} to lock it: ${reason(cause)}`, {
      hint: "check that its directory is there and writable",
      cause,
    });
  }
  const patience = waitMs === 0 ? ["--nonblock"] : ["--timeout", String(waitMs / 1000)];
  const result = await run("/usr/bin/flock", [...patience, "--exclusive", "3"], {
    timeoutMs: waitMs + 5000,
    descriptors: [descriptor],
  });
  if (result.status === 0) return { release: () => closeSync(descriptor) };
  closeSync(descriptor);
  if (result.status === 1) return undefined;
  throw new EfsError("system", `cannot lock ${path}: ${result.stderr.trim() || "flock(1) failed"}`, {
    hint: "install util-linux",
  });
}
