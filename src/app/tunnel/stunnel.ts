import { posix } from "node:path";
import { EfsError } from "../../core/errors.ts";
import {
  parseCapabilities,
  STUNNEL_DIRECTORIES,
  STUNNEL_NAMES,
  type StunnelCapabilities,
} from "../../core/tunnel/capabilities.ts";
import { fileIdentity, isExecutable } from "../../system/executable.ts";
import { makeDirectory, readIfThere, writeAtomically } from "../../system/files.ts";
import { run } from "../../system/process.ts";

/** The installed stunnel. */
export interface Stunnel {
  readonly path: string;
  readonly capabilities: StunnelCapabilities;
}

/** It answers in milliseconds; see START_LIMIT_MS of tunnel.ts. */
const HELP_LIMIT_MS = 60_000;

/**
 * Finds stunnel and what it can do: asked of the program once, and remembered as long as its file is the
 * same.
 *
 * @param memory the file that remembers; undefined always asks
 * @throws EfsError (system) where it is not installed or does not run
 */
export async function findStunnel(memory?: string): Promise<Stunnel> {
  const path = stunnelPath();
  if (path === undefined) {
    throw new EfsError("system", "stunnel is not installed, and a mount with tls needs it", {
      hint: "install the package stunnel4 (Debian, Ubuntu) or stunnel",
    });
  }
  const identity = fileIdentity(path);
  const remembered = memory === undefined ? undefined : recall(memory, identity);
  const help = remembered ?? (await askForHelp(path));
  const capabilities = parseCapabilities(help);
  if (capabilities.options.size === 0) {
    throw new EfsError("system", `${path} does not tell what it can do`, {
      hint: `check that it runs: ${path} -help`,
    });
  }
  if (memory !== undefined && remembered === undefined) remember(memory, { identity, help });
  return { path, capabilities };
}

async function askForHelp(path: string): Promise<string> {
  const { stdout, stderr } = await run(path, ["-help"], { timeoutMs: HELP_LIMIT_MS });
  return `${stderr}\n${stdout}`;
}

/** The installed stunnel, for a program that runs long: asked again only where its file is another one. */
export class InstalledStunnel {
  #known: { identity: string; stunnel: Promise<Stunnel> } | undefined;

  /** @throws EfsError (system) where there is none */
  find(): Promise<Stunnel> {
    const identity = fileIdentity(stunnelPath() ?? "");
    if (this.#known?.identity === identity) return this.#known.stunnel;
    const stunnel = findStunnel();
    this.#known = { identity, stunnel };
    stunnel.catch(() => {
      this.#known = undefined;
    });
    return stunnel;
  }
}

function recall(memory: string, identity: string): string | undefined {
  try {
    const saved = JSON.parse(readIfThere(memory) ?? "{}") as { identity?: unknown; help?: unknown };
    return saved.identity === identity && typeof saved.help === "string" ? saved.help : undefined;
  } catch {
    return undefined;
  }
}

function remember(memory: string, saved: { identity: string; help: string }): void {
  try {
    makeDirectory(posix.dirname(memory), 0o755);
    writeAtomically(memory, JSON.stringify(saved), 0o644);
  } catch {
    // it is asked again next time
  }
}

/** Where stunnel is, or undefined where it is not installed. */
export function stunnelPath(): string | undefined {
  const searched = [...STUNNEL_DIRECTORIES, ...(process.env.PATH ?? "").split(":")];
  return STUNNEL_NAMES.flatMap((name) => searched.map((directory) => `${directory}/${name}`)).find(
    (path) => path.startsWith("/") && isExecutable(path),
  );
}
