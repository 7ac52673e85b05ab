import type { Command } from "commander";
import { addAudit } from "./encryption/audit.ts";
import { addEnforce } from "./encryption/enforce.ts";
import { addEncryptionStatus } from "./encryption/status.ts";

export function addEncryption(program: Command): void {
  const encryption = program
    .command("encryption")
    .description("show, prove and enforce encryption, in transit and at rest");
  addEncryptionStatus(encryption);
  addAudit(encryption);
  addEnforce(encryption);
}
