import { posix } from "node:path";
import { EfsError } from "../errors.ts";
import { hasControlCharacter, quoted } from "../text.ts";

/**
 * The mount point as an absolute, plain path: no `.`, no `..`, no slash at the end.
 *
 * @param workingDirectory undefined where it was removed
 * @throws EfsError (usage) for an empty path, one with control characters, and one that leads from nowhere.
 */
export function parseMountPoint(text: string, workingDirectory: string | undefined): string {
  if (workingDirectory === undefined && !posix.isAbsolute(text)) {
    const message = `the mount point ${quoted(text)} is below the working directory, which was removed`;
    throw new EfsError("usage", message, { hint: "name it from / on" });
  }
  const mountPoint = posix.resolve(workingDirectory ?? "/", text);
  if (text === "" || hasControlCharacter(text) || hasControlCharacter(mountPoint)) {
    throw new EfsError("usage", `the mount point ${quoted(text)} is empty or holds a control character`, {
      hint: "name an existing directory",
    });
  }
  return mountPoint;
}
