import type { Command } from "commander";
import { findStunnel } from "../../app/tunnel/stunnel.ts";
import { asEfsError } from "../../core/errors.ts";
import { VERSION } from "../../version.ts";
import { say } from "./terminal.ts";

export function addVersion(program: Command): void {
  program
    .command("version")
    .description("tell the versions of this package, of node and of stunnel")
    .action(async () => {
      say(`efs-utils ${VERSION}`);
      say(`node ${process.versions.node} (${process.execPath})`);
      say(await stunnelVersion());
    });
}

async function stunnelVersion(): Promise<string> {
  try {
    const { path, capabilities } = await findStunnel();
    return `stunnel ${capabilities.version ?? "of unknown version"} (${path})`;
  } catch (error) {
    return `stunnel: ${asEfsError(error).message}`;
  }
}
