import { accessSync, constants, statSync } from "node:fs";

/** Whether a path leads to a program that this process may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What changes when a program is replaced, also by one of the same size and time. */
export function fileIdentity(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return [path, stats?.dev, stats?.ino, stats?.size, stats?.mtimeNs, stats?.ctimeNs].join(" ");
}
