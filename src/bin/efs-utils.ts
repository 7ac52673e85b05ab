import { Command, CommanderError } from "commander";
import { install } from "../app/install.ts";
import { findStunnel } from "../app/stunnel.ts";
import { uninstall } from "../app/uninstall.ts";
import { asEfsError, EfsError, oneLine } from "../core/errors.ts";
import { VERSION } from "../version.ts";

const USAGE_STATUS = 1;

/** The built programs lie beside this one. */
const BUILT = import.meta.dirname;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Installing on the machine itself is root's; a tree below another directory is whose the directory is. */
function requireRoot(root: string, verb: string): void {
  if (root !== "/" || process.getuid?.() === 0) return;
  throw new EfsError("permission", `only root can ${verb} on this machine`, {
    hint: "run it with sudo, or give --root DIR",
  });
}

function command(): Command {
  const program = new Command("efs-utils")
    .description("Sets up and looks after the EFS mount helper.")
    .version(VERSION)
    .exitOverride();

  program
    .command("install")
    .description("install the mount helper and its watchdog, or bring them up to date")
    .option("--root <dir>", "install below this directory, for a machine whose / it will be", "/")
    .option("--node <path>", "the node that will run the programs", process.execPath)
    .action(async ({ root, node }: { root: string; node: string }) => {
      requireRoot(root, "install");
      process.umask(0o022);
      await install({ built: BUILT, root, node, say });
    });

  program
    .command("uninstall")
    .description("take away what install put there; a changed configuration and the logs stay")
    .option("--root <dir>", "uninstall below this directory", "/")
    .option("--purge", "take the configuration, the private key and the logs away too", false)
    .action(async ({ root, purge }: { root: string; purge: boolean }) => {
      requireRoot(root, "uninstall");
      await uninstall({ built: BUILT, root, purge, say });
    });

  program
    .command("version")
    .description("tell the versions of this package, of node and of stunnel")
    .action(async () => {
      say(`efs-utils ${VERSION}`);
      say(`node ${process.versions.node} (${process.execPath})`);
      say(await stunnelVersion());
    });
  return program;
}

async function stunnelVersion(): Promise<string> {
  try {
    const { path, capabilities } = await findStunnel();
    return `stunnel ${capabilities.version ?? "of unknown version"} (${path})`;
  } catch (error) {
    return `stunnel: ${asEfsError(error).message}`;
  }
}

async function main(): Promise<number> {
  try {
    await command().parseAsync();
    return 0;
  } catch (thrown) {
    // commander has printed what it says
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE_STATUS;
    const error = asEfsError(thrown);
    process.stderr.write(`efs-utils: ${oneLine(error)}\n`);
    return error.status;
  }
}

process.exitCode = USAGE_STATUS;
main().then((status) => {
  process.exitCode = status;
});
