import { posix } from "node:path";
import { EfsError } from "../errors.ts";
import { hasControlCharacter, quoted } from "../text.ts";

/**
 * The mount point as an absolute, plain path: no `.`, no `..`, no slash at the end.
 *
 * @throws EfsError (usage) for an empty path and one with control characters.
 */
export function parseMountPoint(text: string, workingDirectory: string): string {
  const mountPoint = posix.resolve(workingDirectory, text);
  if (text === "" || hasControlCharacter(text) || hasControlCharacter(mountPoint)) {
    throw new EfsError("usage", `the mount point ${quoted(text)} is empty or holds a control character`, {
      hint: "name an existing directory",
    });
  }
  return mountPoint;
}
