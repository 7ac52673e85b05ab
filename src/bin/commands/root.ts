import { resolve } from "node:path";
import { EfsError } from "../../core/errors.ts";

/**
 * The directory that stands for /, absolute. The machine itself is root's to change; a tree below another
 * directory is its owner's.
 *
 * @throws EfsError (usage, permission)
 */
export function rootDirectory(given: string, verb: string): string {
  if (given === "")
    throw new EfsError("usage", "--root is empty", { hint: "give a directory, or leave it out" });
  const root = resolve(given);
  if (root !== "/" || process.getuid?.() === 0) return root;
  throw new EfsError("permission", `only root can ${verb} on this machine`, {
    hint: "run it with sudo, or give --root DIR",
  });
}
