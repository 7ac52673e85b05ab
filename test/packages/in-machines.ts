import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inNamespaces, NO_NAMESPACES, run } from "../fakes/namespaces.ts";
import { CACHE, cleanRoot } from "./clean-root.ts";

/** How the copy of a test file in namespaces is told what was made outside of them. */
const MADE = "MADE_OUTSIDE_OF_NAMESPACES";
const NAMESPACES = ["--mount", "--pid", "--mount-proc"];

/**
 * Runs a test file's tests in namespaces of their own, where machines can be made (CleanMachine).
 *
 * @param make makes what the tests get (as JSON has it) in a folder, before and outside, where there is a network
 * @param limitMs how long all tests may take
 */
export async function inMachines<Made>(
  make: (folder: string) => Made,
  tests: (made: Made) => void,
  limitMs: number,
): Promise<void> {
  const inside = () => {
    run("mount", "--make-rprivate", "/");
    run("mount", "-t", "tmpfs", "tmpfs", "/media");
    tests(JSON.parse(process.env[MADE] ?? ""));
  };
  if (NO_NAMESPACES !== false || process.env[MADE] !== undefined)
    return inNamespaces(NAMESPACES, inside, limitMs);
  cleanRoot();
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "made-"));
  try {
    process.env[MADE] = JSON.stringify(make(folder));
    await inNamespaces(NAMESPACES, inside, limitMs);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
