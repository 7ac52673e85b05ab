import type { Command } from "commander";
import { install } from "../../app/install/install.ts";
import { rootDirectory } from "./root.ts";
import { say } from "./terminal.ts";

/** @param built where the built programs are */
export function addInstall(program: Command, built: string): void {
  program
    .command("install")
    .description("install the mount helper and its watchdog, or bring them up to date")
    .option("--root <dir>", "install below this directory, for a machine whose / it will be", "/")
    .option("--node <path>", "the node that will run the programs", process.execPath)
    .action(async ({ root, node }: { root: string; node: string }) => {
      process.umask(0o022);
      await install({ built, root: rootDirectory(root, "install"), node, say });
    });
}
