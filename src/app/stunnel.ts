import { accessSync, constants } from "node:fs";
import { EfsError } from "../core/errors.ts";
import {
  parseCapabilities,
  STUNNEL_DIRECTORIES,
  STUNNEL_NAMES,
  type StunnelCapabilities,
} from "../core/tunnel/capabilities.ts";
import { run } from "../system/process.ts";

/** The installed stunnel. */
export interface Stunnel {
  readonly path: string;
  readonly capabilities: StunnelCapabilities;
}

const HELP_LIMIT_MS = 10_000;

/**
 * Finds stunnel and asks it what it can do.
 *
 * @throws EfsError (system) where it is not installed or does not run
 */
export async function findStunnel(): Promise<Stunnel> {
  const path = stunnelPath();
  if (path === undefined) {
    throw new EfsError("system", "stunnel is not installed, and a mount with tls needs it", {
      hint: "install the package stunnel4 (Debian, Ubuntu) or stunnel",
    });
  }
  const { stdout, stderr } = await run(path, ["-help"], { timeoutMs: HELP_LIMIT_MS });
  return { path, capabilities: parseCapabilities(`${stderr}\n${stdout}`) };
}

/** Where stunnel is, or undefined where it is not installed. */
export function stunnelPath(): string | undefined {
  const searched = [...STUNNEL_DIRECTORIES, ...(process.env.PATH ?? "").split(":")];
  return STUNNEL_NAMES.flatMap((name) => searched.map((directory) => `${directory}/${name}`)).find(
    (path) => path.startsWith("/") && isExecutable(path),
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
