import {
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { EfsError } from "../../core/errors.ts";
import { SYSTEM_PATHS, WATCHDOG_UNIT } from "../../paths.ts";
import { reason } from "../../system/errno.ts";
import { makeDirectory, writeAtomically } from "../../system/files.ts";
import {
  CA_BUNDLE,
  CONFIG,
  LAUNCHERS_PACKAGE,
  type Layout,
  LIBRARY,
  LOCAL_LAYOUT,
  launcherPath,
  launcherText,
  PROGRAMS,
  replacedFiles,
  type Shipped,
} from "./layout.ts";
import { checkNode, writeCodeCache } from "./node.ts";
import { isLinkTo, isThere, Root, refusePackaged } from "./root.ts";

export interface InstallOptions {
  /** Directory of the built programs; it may be the library itself. */
  readonly built: string;
  /** The directory that stands for /; what is written there fits a machine whose / it will be. */
  readonly root: string;
  /** Absolute path of the node that will run the programs; below another root it may be in there already. */
  readonly node: string;
  /** Whether it is for another kind of machine than this, and makes no code caches here. */
  readonly foreign?: boolean;
  /** Where things have their places: a local installation's by default. */
  readonly layout?: Layout;
  /** Takes one line for each thing done. */
  readonly say: (line: string) => void;
}

/**
 * Installs the built programs, or brings an installation up to date. Every file is replaced whole, so that
 * programs that run meanwhile see the old or the new one; another run completes what a failed one began.
 *
 * @throws EfsError naming what could not be done; what was done before has been said
 */
export async function install(options: InstallOptions): Promise<void> {
  const { layout = LOCAL_LAYOUT, say } = options;
  const root = new Root(options.root);
  if (layout === LOCAL_LAYOUT) refusePackaged(root);
  const files = builtFiles(options.built);
  const launchers = Object.keys(PROGRAMS).map((name) => {
    return { path: launcherPath(name), text: launcherText(name, options.node) };
  });
  const running = options.foreign ? undefined : await checkNode(options.node, root);

  makeDirectory(resolve(options.root), 0o755);
  await writeLibrary(options, root, { files, launchers, running });
  linkPrograms(root, say);
  for (const shipped of replacedFiles(layout)) putShipped(root, shipped, () => undefined, say);
  const isLink = (there: Stats) => (there.isSymbolicLink() ? "which is a symbolic link" : undefined);
  putShipped(root, CA_BUNDLE, isLink, say);
  putShipped(root, CONFIG, () => "which was there", say);
  const logs = root.place(SYSTEM_PATHS.logDirectory);
  makeDirectory(logs, 0o755);
  say(`made ${logs}`);

  await root.systemctl("daemon-reload");
  // a watchdog of an earlier version goes on as this one; the tunnels do not notice
  await root.systemctl("--no-block", "try-restart", WATCHDOG_UNIT);
}

interface LibraryContent {
  /** Names of what is copied from the built programs. */
  readonly files: readonly string[];
  readonly launchers: readonly { readonly path: string; readonly text: string }[];
  /** Where the node of the launchers runs on this machine, if it does. */
  readonly running: string | undefined;
}

async function writeLibrary(
  { built, node, say }: InstallOptions,
  root: Root,
  { files, launchers, running }: LibraryContent,
): Promise<void> {
  const library = root.place(LIBRARY);
  makeDirectory(join(library, "bin"), 0o755);
  for (const name of files) copy(join(built, name), join(library, name));
  writeAtomically(root.place(LAUNCHERS_PACKAGE.path), LAUNCHERS_PACKAGE.text, 0o644, { durable: true });
  for (const { path, text } of launchers) writeAtomically(root.place(path), text, 0o755, { durable: true });
  const caches = running === undefined ? [] : Object.keys(PROGRAMS).map((name) => `${name}.cache`);
  await Promise.all(caches.map((cache) => writeCodeCache(running ?? node, library, cache)));
  removeOthers(library, ["bin", ...files, ...caches]);
  say(`wrote ${library}`);
  if (running === undefined) say(`made no code caches: ${node} is not on this machine`);
}

function linkPrograms(root: Root, say: InstallOptions["say"]): void {
  for (const [name, path] of Object.entries(PROGRAMS)) {
    const link = root.place(path);
    makeDirectory(dirname(link), 0o755);
    const others = isThere(link) && !isLinkTo(link, launcherPath(name));
    linkAtomically(launcherPath(name), link);
    say(others ? `replaced the ${link} of others` : `wrote ${link}`);
  }
}

/** Puts a file where it is used, unless `kept` gives a reason why the one that is there stays. */
function putShipped(
  root: Root,
  { name, path }: Shipped,
  kept: (there: Stats) => string | undefined,
  say: InstallOptions["say"],
): void {
  const file = root.place(path);
  const there = lstatSync(file, { throwIfNoEntry: false });
  const why = there && kept(there);
  if (why !== undefined) {
    say(`kept ${file}, ${why}: this version's is ${LIBRARY}/${name}`);
    return;
  }
  makeDirectory(dirname(file), 0o755);
  copy(join(root.place(LIBRARY), name), file);
  say(`wrote ${file}`);
}

/** The names of what there is to install. */
function builtFiles(built: string): string[] {
  const files = readdirSync(built, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !entry.name.endsWith(".cache"))
    .map((entry) => entry.name);
  const programs = Object.keys(PROGRAMS).map((name) => `${name}.cjs`);
  const shipped = [CA_BUNDLE, CONFIG, ...replacedFiles(LOCAL_LAYOUT)].map(({ name }) => name);
  const missing = [...programs, ...shipped].find((name) => !files.includes(name));
  if (missing === undefined) return files;
  throw new EfsError("system", `${join(built, missing)} is not there`, { hint: "run npm run build first" });
}

function copy(source: string, target: string): void {
  const mode = (statSync(source).mode & 0o111) === 0 ? 0o644 : 0o755;
  writeAtomically(target, readFileSync(source, "utf8"), mode, { durable: true });
}

/** Makes a symbolic link take the place of whatever is there, in one step. */
function linkAtomically(target: string, path: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new EfsError("system", `cannot make the link ${path}: ${reason(cause)}`, { cause });
  }
}

/** Takes away what an earlier version installed and this one does not. */
function removeOthers(library: string, names: readonly string[]): void {
  for (const name of readdirSync(library)) {
    if (!names.includes(name)) rmSync(join(library, name), { recursive: true });
  }
}
