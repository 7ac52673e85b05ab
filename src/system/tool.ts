import { execa } from "execa";
import { EfsError } from "../core/errors.ts";
import { CHILD_ENVIRONMENT } from "./process.ts";

/** What a program that was run to its end said. */
export interface ToolResult {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/**
 * Runs a program for the companion command, which has time for execa's comforts; a mount has not, see
 * process.ts.
 *
 * @param file absolute path; no shell is involved
 * @throws EfsError (system) where it cannot be started
 */
export async function runTool(
  file: string,
  args: readonly string[],
  { timeoutMs }: { timeoutMs: number },
): Promise<ToolResult> {
  const result = await execa(file, args, {
    reject: false,
    stdin: "ignore",
    env: CHILD_ENVIRONMENT,
    extendEnv: false,
    cwd: "/",
    timeout: timeoutMs,
  });
  if (result.exitCode === undefined && result.signal === undefined && !result.timedOut) {
    throw new EfsError("system", `cannot run ${file}: ${result.shortMessage}`, {
      hint: "check that it is installed and executable",
      cause: result,
    });
  }
  const { exitCode: status, stdout, stderr, timedOut } = result;
  return { status, stdout, stderr, timedOut };
}
