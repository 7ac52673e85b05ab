import { EfsError } from "../../core/errors.ts";
import type { ClientIdentity } from "../../core/identity/client.ts";
import { advice, noNfsClient } from "../../core/nfs/advice.ts";
import type { Command } from "../../core/nfs/command.ts";
import { attemptLimitMs, backOffMs, isWorthRetrying, type RetryPolicy } from "../../core/nfs/retry.ts";
import { joinLines, printable } from "../../core/text.ts";
import { hasCode } from "../../system/errno.ts";
import { pause } from "../../system/pause.ts";
import { type RunResult, run } from "../../system/process.ts";
import type { MountContext } from "../context.ts";

export interface NfsMount {
  readonly command: Command;
  readonly policy: RetryPolicy;
  readonly hasAccessPoint: boolean;
  /** What is mounted where, in the reader's words. */
  readonly what: string;
  /** Whom the client says it is. */
  readonly identity: ClientIdentity;
  /** What was seen of the server, where something was. */
  readonly seen: () => string | undefined;
}

/**
 * Runs mount.nfs4, again where that may help, until the policy's end. Aborting the signal ends it at once
 * with the signal's reason.
 *
 * @throws EfsError (mount) with mount.nfs4's words and status, or the signal's reason
 */
export async function mountNfs(mount: NfsMount, context: MountContext, signal: AbortSignal): Promise<void> {
  const { command, policy, hasAccessPoint } = mount;
  for (let number = 1; ; number += 1) {
    context.step(`running ${[command.file, ...command.args].join(" ")}`);
    const limitMs = attemptLimitMs(policy, number, context.elapsedMs());
    const result = await attempt(command, limitMs, signal);
    // an attempt that its own limit ended says more than the deadline for everything, which is over then too
    if (!result.timedOut) signal.throwIfAborted();
    if (result.status === 0) return;
    const pauseMs = backOffMs(number, context.random());
    const left =
      policy.deadlineMs === undefined ? Number.POSITIVE_INFINITY : policy.deadlineMs - context.elapsedMs();
    if (number >= policy.attempts || pauseMs >= left || !isWorthRetrying(result, hasAccessPoint)) {
      throw failure(mount, result, limitMs);
    }
    const what = `Attempt ${number} of ${policy.attempts} to mount failed (${words(result, limitMs)})`;
    context.log.warning(`${what}, trying again in ${(pauseMs / 1000).toFixed(1)} s`);
    context.step(what);
    await pause(pauseMs, signal);
  }
}

async function attempt({ file, args }: Command, timeoutMs: number, signal: AbortSignal): Promise<RunResult> {
  try {
    return await run(file, args, { timeoutMs, signal });
  } catch (error) {
    const isMissing =
      error instanceof EfsError && hasCode(error.cause, "ENOENT") && file.endsWith("/mount.nfs4");
    throw isMissing ? noNfsClient(file, error) : error;
  }
}

function failure({ what, seen, identity }: NfsMount, result: RunResult, limitMs: number): EfsError {
  const { status = 32 } = result;
  const known = seen();
  const why = `${words(result, limitMs)}${known === undefined ? "" : ` (${known})`}`;
  return new EfsError("mount", `cannot mount ${what}: ${why}`, {
    hint: advice(result, identity),
    status,
  });
}

/** What mount.nfs4 said, or how it ended, in one line. */
function words({ stderr, status, timedOut }: RunResult, limitMs: number): string {
  if (timedOut) return `mount.nfs4 was not done after ${(limitMs / 1000).toFixed(1)} s`;
  const said = printable(joinLines(stderr.trim(), ", "));
  return said === ""
    ? `mount.nfs4 ended with ${status === undefined ? "a signal" : `status ${status}`}`
    : said;
}
