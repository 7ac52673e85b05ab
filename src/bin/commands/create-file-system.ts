import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import { createFileSystem } from "../../app/create-file-system/create.ts";
import { type AccessOptions, ApiAccess } from "../../app/encryption/access.ts";
import type { Created } from "../../core/create-file-system/created.ts";
import {
  type CreationOptions,
  creationRequest,
  PERFORMANCE_MODES,
  THROUGHPUT_MODES,
} from "../../core/create-file-system/request.ts";
import { EfsError } from "../../core/errors.ts";
import { quoted } from "../../core/text.ts";
import { SYSTEM_PATHS } from "../../paths.ts";
import { createdText, remainsText } from "../../render/create-file-system.ts";
import { Progress } from "./progress.ts";
import { output, say, sayJson } from "./terminal.ts";

type Options = CreationOptions & AccessOptions & { readonly timeout: string; readonly json?: boolean };

const LONGEST_TIMEOUT_S = 86_400;

export function addCreateFileSystem(program: Command): void {
  const several = (value: string, before: string[] = []) => [...before, value];
  program
    .command("create-file-system")
    .description("make a file system, encrypted at rest, with mount targets and an access point")
    .option("--name <name>", "its name (the tag Name)")
    .option("--kms-key-id <key>", "id, ARN or alias of the key; without it, AWS's key for EFS")
    .option("--unencrypted", "without encryption at rest, which cannot be turned on later")
    .addOption(new Option("--performance-mode <mode>", "how it is laid out").choices(PERFORMANCE_MODES))
    .addOption(new Option("--throughput-mode <mode>", "how throughput is given").choices(THROUGHPUT_MODES))
    .option("--provisioned-throughput <mibps>", "with --throughput-mode provisioned: how much, in MiB/s")
    .option("--availability-zone <name>", "keep it in this zone alone (One Zone)")
    .option("--backup", "have it backed up every day")
    .option("--no-backup", "not, where that is the default (One Zone)")
    .option("--tag <key=value>", "a tag; may be repeated", several)
    .option("--subnet-id <id>", "make a mount target in this subnet; may be repeated", several)
    .option("--security-group-id <id>", "a security group of the mount targets; may be repeated", several)
    .option("--access-point-path <path>", "make an access point that shows this directory")
    .option("--access-point-user <uid:gid[:gid...]>", "whom its clients act as")
    .option("--access-point-owner <uid:gid:mode>", "whose the directory is, where it has to be made")
    .option("--client-token <token>", "the same token never makes a second file system")
    .option("--timeout <seconds>", "how long all of it may take until it is available", "600")
    .option("--region <name>", "where to make it")
    .option("--profile <name>", "the profile of ~/.aws whose credentials make it")
    .option("--json", "tell what was made as JSON")
    .action(create);
}

async function create(options: Options): Promise<void> {
  const request = creationRequest(options);
  const limitMs = timeoutMs(options.timeout);
  const access = new ApiAccess(options, SYSTEM_PATHS.config, process.env);
  const caller = access.caller(await access.region());
  const progress = new Progress();
  let made: Created | undefined;
  try {
    const created = await createFileSystem(request, {
      caller,
      newToken: () => `efs-utils-${randomUUID()}`,
      limitMs,
      signal: interruption(),
      doing: (what) => progress.begin(what),
      made: (now) => {
        made = now;
      },
    });
    progress.end();
    tell(created, options);
  } catch (error) {
    progress.end();
    if (made !== undefined) {
      if (options.json) sayJson("create-file-system/1", made);
      for (const line of remainsText(made)) process.stderr.write(`${line}\n`);
    }
    throw error;
  }
}

function tell(created: Created, { json }: Options): void {
  if (json) sayJson("create-file-system/1", created);
  else for (const line of createdText(created, output())) say(line);
}

function timeoutMs(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= LONGEST_TIMEOUT_S) return 1000 * seconds;
  throw new EfsError("usage", `--timeout ${quoted(text)} is not valid`, {
    hint: `give seconds, from 1 to ${LONGEST_TIMEOUT_S}`,
  });
}

/** Aborted by the signals that ask this program to end; what is being made then is told. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () =>
      controller.abort(
        new EfsError("interrupted", `interrupted by ${signal}`, { hint: "run it again to go on" }),
      ),
    );
  }
  return controller.signal;
}
