import type { Command } from "commander";
import { addEnforce } from "./encryption/enforce.ts";

export function addEncryption(program: Command): void {
  const encryption = program
    .command("encryption")
    .description("show, prove and enforce encryption, in transit and at rest");
  addEnforce(encryption);
}
