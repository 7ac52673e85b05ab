import { resolve } from "node:path";
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

/**
 * The directory that stands for /, absolute. The machine itself is root's to change; a tree below another
 * directory is its owner's.
 */
function rootDirectory(given: string, verb: string): string {
  if (given === "")
    throw new EfsError("usage", "--root is empty", { hint: "give a directory, or leave it out" });
  const root = resolve(given);
  if (root !== "/" || process.getuid?.() === 0) return root;
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
      process.umask(0o022);
      await install({ built: BUILT, root: rootDirectory(root, "install"), node, say });
    });

  program
    .command("uninstall")
    .description("take away what install put there; a changed configuration and the logs stay")
    .option("--root <dir>", "uninstall below this directory", "/")
    .option("--purge", "take the configuration, the private key and the logs away too", false)
    .action(async ({ root, purge }: { root: string; purge: boolean }) => {
      await uninstall({ built: BUILT, root: rootDirectory(root, "uninstall"), purge, say });
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

// a reader that goes away early (`| head`) is no reason to stop half-way
process.stdout.on("error", () => {});
process.exitCode = USAGE_STATUS;
main().then((status) => {
  process.exitCode = status;
});
