import { lstatSync, readdirSync, readFileSync, rmSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { EfsError } from "../core/errors.ts";
import { SYSTEM_PATHS, WATCHDOG_UNIT } from "../paths.ts";
import { makeDirectory, readIfThere, writeAtomically } from "../system/files.ts";
import { run } from "../system/process.ts";
import {
  CA_BUNDLE,
  CONFIG,
  isLauncher,
  LAUNCHERS,
  LIBRARY,
  launcherText,
  type Shipped,
  UNIT,
} from "./install-layout.ts";
import { Root } from "./install-root.ts";

export interface InstallOptions {
  /** Directory of the built programs; it may be the library itself. */
  readonly built: string;
  /** The directory that stands for /; what is written there fits a machine whose / it will be. */
  readonly root: string;
  /** Absolute path of the node that will run the programs. */
  readonly node: string;
  /** Takes one line for each thing done. */
  readonly say: (line: string) => void;
}

const OLDEST_NODE = { major: 20, minor: 19 };
const NODE_LIMIT_MS = 30_000;

/**
 * Installs the built programs, or brings an installation up to date. Every file is replaced whole, so that
 * programs that run meanwhile see the old or the new one; another run completes what a failed one began.
 *
 * @throws EfsError naming what could not be done; what was done before has been said
 */
export async function install({ built, root: directory, node, say }: InstallOptions): Promise<void> {
  const root = new Root(directory);
  const files = builtFiles(built);
  const launchers = Object.entries(LAUNCHERS).map(([name, path]) => {
    return { name, path, text: launcherText(name, node) };
  });
  const nodeRuns = await checkNode(node, root);

  makeDirectory(resolve(directory), 0o755);
  const library = root.place(LIBRARY);
  makeDirectory(library, 0o755);
  for (const name of files) copy(join(built, name), join(library, name));
  const caches = nodeRuns ? Object.keys(LAUNCHERS) : [];
  for (const name of caches) await writeCodeCache(node, library, name);
  removeOthers(library, [...files, ...caches.map((name) => `${name}.cache`)]);
  say(`wrote ${library}`);
  if (!nodeRuns) say(`made no code caches: ${node} is not on this machine`);

  for (const { path, text } of launchers) {
    const file = root.place(path);
    makeDirectory(dirname(file), 0o755);
    const previous = readIfThere(file);
    writeAtomically(file, text, 0o755, { durable: true });
    say(previous === undefined || isLauncher(previous) ? `wrote ${file}` : `replaced the ${file} of others`);
  }

  const put = (shipped: Shipped, keeps: (there: Stats) => string | undefined) => {
    const file = root.place(shipped.path);
    const there = lstatSync(file, { throwIfNoEntry: false });
    const why = there && keeps(there);
    if (why !== undefined) return say(`kept ${file}, ${why}: this version's is ${LIBRARY}/${shipped.name}`);
    makeDirectory(dirname(file), 0o755);
    copy(join(library, shipped.name), file);
    say(`wrote ${file}`);
  };
  put(UNIT, () => undefined);
  put(CA_BUNDLE, (there) => (there.isSymbolicLink() ? "which is a symbolic link" : undefined));
  put(CONFIG, () => "which was there");
  const logs = root.place(SYSTEM_PATHS.logDirectory);
  makeDirectory(logs, 0o755);
  say(`made ${logs}`);

  await root.systemctl("daemon-reload");
  // a watchdog of an earlier version goes on as this one; the tunnels do not notice
  await root.systemctl("--no-block", "try-restart", WATCHDOG_UNIT);
}

/** The names of what there is to install. */
function builtFiles(built: string): string[] {
  const files = readdirSync(built, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !entry.name.endsWith(".cache"))
    .map((entry) => entry.name);
  const programs = Object.keys(LAUNCHERS).map((name) => `${name}.cjs`);
  const missing = [...programs, UNIT.name, CA_BUNDLE.name, CONFIG.name].find((name) => !files.includes(name));
  if (missing === undefined) return files;
  throw new EfsError("system", `${join(built, missing)} is not there`, { hint: "run npm run build first" });
}

/**
 * Whether `node` runs here; only below another root it need not.
 *
 * @throws EfsError (usage) where it does not, or is too old
 */
async function checkNode(node: string, root: Root): Promise<boolean> {
  const { major, minor } = OLDEST_NODE;
  const hint = `name a node of version ${major}.${minor} or later with --node`;
  if (!root.isMachine && statSync(node, { throwIfNoEntry: false }) === undefined) return false;
  let answer: string;
  try {
    answer = (await run(node, ["--version"], { timeoutMs: NODE_LIMIT_MS })).stdout.trim();
  } catch (cause) {
    throw new EfsError("usage", `${node} does not run`, { hint, cause });
  }
  const [, has = "", hasMinor = ""] = /^v(\d+)\.(\d+)\./.exec(answer) ?? [];
  if (Number(has) > major || (Number(has) === major && Number(hasMinor) >= minor)) return true;
  throw new EfsError("usage", `${node} is ${answer === "" ? "no node" : `node ${answer}`}`, { hint });
}

function copy(source: string, target: string): void {
  const mode = (statSync(source).mode & 0o111) === 0 ? 0o644 : 0o755;
  writeAtomically(target, readFileSync(source, "utf8"), mode, { durable: true });
}

/** The code cache of one program, made by the node that will read it and for the place it will be run from. */
async function writeCodeCache(node: string, library: string, name: string): Promise<void> {
  const cache = join(library, `${name}.cache`);
  const args = [
    join(library, "code-cache.cjs"),
    join(library, `${name}.cjs`),
    `${LIBRARY}/${name}.cjs`,
    cache,
  ];
  const { status, stderr } = await run(node, args, { timeoutMs: NODE_LIMIT_MS });
  if (status === 0) return;
  throw new EfsError("system", `cannot make ${cache}: ${stderr.trim() || "node failed"}`);
}

/** Takes away what an earlier version installed and this one does not. */
function removeOthers(library: string, names: readonly string[]): void {
  for (const name of readdirSync(library)) {
    if (!names.includes(name)) rmSync(join(library, name), { recursive: true });
  }
}
