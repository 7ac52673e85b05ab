import type { Command } from "commander";
import { uninstall } from "../../app/install/uninstall.ts";
import { rootDirectory } from "./root.ts";
import { say } from "./terminal.ts";

/** @param built where the built programs are */
export function addUninstall(program: Command, built: string): void {
  program
    .command("uninstall")
    .description("take away what install put there; a changed configuration and the logs stay")
    .option("--root <dir>", "uninstall below this directory", "/")
    .option("--purge", "take the configuration, the private key and the logs away too", false)
    .action(async ({ root, purge }: { root: string; purge: boolean }) => {
      await uninstall({ built, root: rootDirectory(root, "uninstall"), purge, say });
    });
}
