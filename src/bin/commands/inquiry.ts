import { type Command, CommanderError } from "commander";
import { asEfsError } from "../../core/errors.ts";

/** How a look ended: all is well, there is something to see to, or it could not be done, which was told. */
export type Outcome = keyof typeof INQUIRY_STATUS;

/** Exit statuses of commands that look at something, as grep(1) has them. */
export const INQUIRY_STATUS = { healthy: 0, findings: 1, "could not look": 2 } as const;

/**
 * Makes a command one that looks at something and tells: its status says how that ended, also where its
 * arguments are wrong.
 *
 * @param look gets what commander hands an action
 */
export function inquiry<Args extends unknown[]>(
  command: Command,
  look: (...args: Args) => Promise<Outcome>,
): Command {
  const status = INQUIRY_STATUS["could not look"];
  return command
    .exitOverride((error) => {
      if (error.exitCode !== 0) error.exitCode = status;
      throw error;
    })
    .action(async (...args) => {
      const outcome = await look(...(args as unknown as Args)).catch((thrown: unknown) => {
        const error = asEfsError(thrown);
        throw error.reworded(error.message, status);
      });
      if (outcome !== "healthy") throw new CommanderError(INQUIRY_STATUS[outcome], "efs-utils.findings", "");
    });
}
