import { Command, CommanderError } from "commander";
import { asEfsError, oneLine } from "../core/errors.ts";
import { VERSION } from "../version.ts";
import { addCompletion } from "./commands/completion.ts";
import { addInstall } from "./commands/install.ts";
import { addUninstall } from "./commands/uninstall.ts";
import { addVersion } from "./commands/version.ts";

const USAGE_STATUS = 1;

/** The built programs lie beside this one. */
const BUILT = import.meta.dirname;

function command(): Command {
  const program = new Command("efs-utils")
    .description("Sets up and looks after the EFS mount helper.")
    .version(VERSION)
    .exitOverride();
  addInstall(program, BUILT);
  addUninstall(program, BUILT);
  addVersion(program);
  addCompletion(program);
  return program;
}

async function main(): Promise<number> {
  try {
    await command().parseAsync();
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
