import { Command } from "commander";
import { VERSION } from "../../version.ts";
import { addCompletion } from "./completion.ts";
import { addCreateFileSystem } from "./create-file-system.ts";
import { addDoctor } from "./doctor.ts";
import { addEncryption } from "./encryption.ts";
import { addInstall } from "./install.ts";
import { addLogs } from "./logs.ts";
import { addStatus } from "./status.ts";
import { addUninstall } from "./uninstall.ts";
import { addVersion } from "./version.ts";

/**
 * The companion command with all its commands.
 *
 * @param built where the built programs are
 */
export function efsUtils(built: string): Command {
  const program = new Command("efs-utils")
    .description("Sets up and looks after the EFS mount helper.")
    .version(VERSION)
    .exitOverride();
  addStatus(program);
  addDoctor(program, built);
  addLogs(program);
  addEncryption(program);
  addCreateFileSystem(program);
  addInstall(program, built);
  addUninstall(program, built);
  addVersion(program);
  addCompletion(program);
  return program;
}
