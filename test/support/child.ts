/**
 * What tests do in processes of their own: the first argument says what, one line on standard output says
 * what came of it.
 */
import { createPublicKey } from "node:crypto";
import { privateKey } from "../../src/app/tunnel/private-key.ts";
import { parseConfig, settings } from "../../src/core/config/config.ts";
import { asEfsError, oneLine } from "../../src/core/errors.ts";
import { writeAtomically } from "../../src/system/files.ts";
import { takeLock } from "../../src/system/lock.ts";
import { lineFormat, openLog } from "../../src/system/log.ts";

const COMMANDS: Record<string, (...args: string[]) => Promise<string>> = {
  /** Takes a lock and keeps it until standard input ends. */
  lock: async (path = "", waitMs) => {
    const lock = await takeLock(path, Number(waitMs));
    process.stdin.resume();
    return lock === undefined ? "another one has it" : "locked";
  },
  /** The public part of the key that this process got. */
  key: async (path = "") => {
    const key = await privateKey(path);
    return createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64");
  },
  /** Writes lines that carry this process's name and their number. */
  log: async (path = "", name = "", count, config = "") => {
    const { logging_max_bytes: maxBytes, logging_file_count: fileCount } = settings(parseConfig(config, "f"));
    const log = openLog(path, { level: "INFO", maxBytes, fileCount }, await lineFormat("text"));
    for (let number = 0; number < Number(count); number += 1)
      log.info(`${name} ${number} ${"x".repeat(100)}`);
    return "done";
  },
  /** Replaces a file again and again, by one letter over and over. */
  write: async (path = "", size, count) => {
    for (let number = 0; number < Number(count); number += 1) {
      writeAtomically(path, String.fromCharCode(97 + (number % 26)).repeat(Number(size)), 0o600);
    }
    return "done";
  },
};

const [name = "", ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) throw new Error(`there is no ${name}`);
command(...args)
  .catch((error: unknown) => `${asEfsError(error).kind}: ${oneLine(asEfsError(error))}`)
  .then((line) => process.stdout.write(`${line}\n`));
