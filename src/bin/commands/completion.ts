import type { Command } from "commander";
import { bashCompletion, type CompletedCommand } from "../../render/bash-completion.ts";

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print what completes this program's commands and options in bash")
    .action(() => {
      process.stdout.write(bashCompletion(describe(program)));
    });
}

function describe(command: Command): CompletedCommand {
  const help = command.createHelp();
  return {
    name: command.name(),
    options: help.visibleOptions(command).map(({ short, long, required, optional, argChoices }) => ({
      names: [short, long].filter((name) => name !== undefined),
      takesValue: required || optional,
      values: argChoices ?? [],
    })),
    commands: help.visibleCommands(command).map(describe),
  };
}
