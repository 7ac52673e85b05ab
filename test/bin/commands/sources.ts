import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { CHECKOUT } from "../built.ts";

/** Runs the program's sources: what it does with its arguments needs no build. */
export function efsUtils(...args: string[]) {
  const command = ["--import", "tsx", join(CHECKOUT, "src/bin/efs-utils.ts"), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: "utf8",
    cwd: CHECKOUT,
  });
  return { status, stdout, stderr };
}
