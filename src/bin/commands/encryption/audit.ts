import { resolve } from "node:path";
import type { Command } from "commander";
import { type AccessOptions, ApiAccess } from "../../../app/encryption/access.ts";
import { auditEncryption } from "../../../app/encryption/audit.ts";
import { type Audit, auditCsv, auditOutcome, failedRegions } from "../../../core/encryption/audit.ts";
import { EfsError } from "../../../core/errors.ts";
import { printable } from "../../../core/text.ts";
import { SYSTEM_PATHS } from "../../../paths.ts";
import { auditText } from "../../../render/audit.ts";
import { writeAtomically } from "../../../system/files.ts";
import { inquiry, type Outcome } from "../inquiry.ts";
import { output, say, schemaText } from "../terminal.ts";

interface Options extends AccessOptions {
  readonly allRegions?: boolean;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly output?: string;
}

const PUBLIC_MODE = 0o644;

export function addAudit(encryption: Command): void {
  const command = encryption
    .command("audit")
    .description("tell of all file systems of an account whether they are encrypted at rest")
    .option("--all-regions", "in all regions that are enabled for the account")
    .option("--region <name>", "in this region, or where the regions are asked for")
    .option("--profile <name>", "the profile of ~/.aws whose credentials ask")
    .option("--csv", "as a table for spreadsheets")
    .option("--json", "as JSON")
    .option("--output <file>", "with --csv or --json: write it to this file, at once and whole");
  inquiry(command, async (options: Options) => {
    checkOptions(options);
    const access = new ApiAccess(options, SYSTEM_PATHS.config, process.env);
    const { allRegions = false } = options;
    return tell(await auditEncryption(access, { allRegions }), options);
  });
}

function checkOptions({ csv, json, output: file }: Options): void {
  const wrong = (message: string, hint: string) => new EfsError("usage", message, { hint });
  if (csv && json) throw wrong("--csv and --json exclude each other", "keep one of them");
  if (file !== undefined && !csv && !json) throw wrong("--output needs --csv or --json", "add one of them");
}

function tell(audit: Audit, { csv, json, output: file }: Options): Outcome {
  if (csv || json) {
    const text = csv ? auditCsv(audit) : `${schemaText("encryption-audit/1", audit)}\n`;
    if (file === undefined) process.stdout.write(text);
    else writeAtomically(resolve(file), text, PUBLIC_MODE);
    // a table has no place for what is missing in it
    for (const { region, error } of csv ? failedRegions(audit) : [])
      process.stderr.write(`efs-utils: ${printable(`${region}: ${error}`)}\n`);
  } else for (const line of auditText(audit, output())) say(line);
  return auditOutcome(audit);
}
