import type { Command } from "commander";
import { type AccessOptions, ApiAccess } from "../../../app/encryption/access.ts";
import { encryptionStatus } from "../../../app/encryption/status.ts";
import { encryptionOutcome } from "../../../core/encryption/status.ts";
import { SYSTEM_PATHS } from "../../../paths.ts";
import { encryptionText } from "../../../render/encryption.ts";
import { SYSTEM_KERNEL } from "../../../system/kernel.ts";
import { inquiry } from "../inquiry.ts";
import { output, say, sayJson } from "../terminal.ts";

/** How a file system answers is not told here: it is not waited for. */
const ANSWER_LIMIT_MS = 1000;

export function addEncryptionStatus(encryption: Command): void {
  const command = encryption
    .command("status")
    .argument("[fsid...]", "tell of these file systems; without any, of those that are mounted")
    .description("tell how mounts are encrypted in transit, and file systems at rest")
    .option("--region <name>", "where the file systems are")
    .option("--profile <name>", "the profile of ~/.aws whose credentials ask")
    .option("--json", "as JSON");
  inquiry(command, async (ids: string[], options: AccessOptions & { readonly json?: boolean }) => {
    const context = { paths: SYSTEM_PATHS, kernel: SYSTEM_KERNEL, answerLimitMs: ANSWER_LIMIT_MS };
    const access = new ApiAccess(options, SYSTEM_PATHS.config, process.env);
    const status = await encryptionStatus(ids, context, access);
    if (options.json) sayJson("encryption-status/1", status);
    else for (const line of encryptionText(status, output())) say(line);
    return encryptionOutcome(status);
  });
}
