import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { EfsError } from "../../core/errors.ts";
import { runTool } from "../../system/tool.ts";
import { PACKAGE, RUNTIME } from "./layout.ts";

const SYSTEMCTL = "/usr/bin/systemctl";
const SYSTEMCTL_LIMIT_MS = 60_000;

/** A directory that stands for /, where it is not / itself. */
export class Root {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  /** Whether this is the machine that runs, not a tree for another one. */
  get isMachine(): boolean {
    return this.#directory === "/";
  }

  /**
   * Where the file that will be known as `path` is.
   *
   * @throws EfsError (usage) where a symbolic link leads out of the directory
   */
  place(path: string): string {
    const file = join(this.#directory, path);
    if (this.isMachine || !existsSync(this.#directory)) return file;
    let above = dirname(file);
    while (!existsSync(above)) above = dirname(above);
    if (`${realpathSync(above)}/`.startsWith(`${realpathSync(this.#directory)}/`)) return file;
    throw new EfsError("usage", `${file} is outside of ${this.#directory}: ${above} is a symbolic link`, {
      hint: "make it a relative link",
    });
  }

  /**
   * Tells the machine's systemd something, where it runs; a tree for another machine has none.
   *
   * @throws EfsError (system) with what it says where it fails
   */
  async systemctl(...args: string[]): Promise<void> {
    if (!this.isMachine || !existsSync("/run/systemd/system")) return;
    const { status, stderr } = await runTool(SYSTEMCTL, args, { timeoutMs: SYSTEMCTL_LIMIT_MS });
    if (status === 0) return;
    const command = `systemctl ${args.join(" ")}`;
    throw new EfsError("system", `${command} failed: ${stderr.trim() || "it gave no reason"}`, {
      hint: `run ${command} by hand`,
    });
  }
}

/**
 * Sees to it that what a package installed is left to the package manager.
 *
 * @throws EfsError (usage) where it is a package's
 */
export function refusePackaged(root: Root): void {
  const runtime = root.place(RUNTIME);
  if (!isThere(runtime)) return;
  throw new EfsError("usage", `${runtime} is there: a package has installed all this`, {
    hint: `leave it to the package manager; the package is ${PACKAGE}`,
  });
}

/** Whether anything is there, be it a symbolic link that leads nowhere. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether this is a symbolic link to `target`. */
export function isLinkTo(path: string, target: string): boolean {
  return (
    lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(path) === target
  );
}
