import { CommanderError } from "commander";
import { asEfsError, oneLine } from "../core/errors.ts";
import { efsUtils } from "./commands/program.ts";

const USAGE_STATUS = 1;

/** The built programs lie beside this one. */
const BUILT = import.meta.dirname;

async function main(): Promise<number> {
  try {
    await efsUtils(BUILT).parseAsync();
    return 0;
  } catch (thrown) {
    // commander has printed what it says, and commands that found something what they found
    if (thrown instanceof CommanderError) return thrown.exitCode;
    const error = asEfsError(thrown);
    process.stderr.write(`efs-utils: ${oneLine(error)}\n`);
    return error.status;
  }
}

// a reader that goes away early (`| head`) is no reason to stop half-way
process.stdout.on("error", () => {});
process.exitCode = USAGE_STATUS;
main().then((status) => {
  process.exitCode = status;
});
