import {
  chmodSync,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { install } from "../src/app/install.ts";
import {
  CA_BUNDLE,
  CONTAINER_GATE,
  LIBRARY,
  PACKAGE,
  PACKAGE_LAYOUT,
  RUNTIME,
} from "../src/app/install-layout.ts";
import { ROOT } from "./about.ts";
import type { Runtime } from "./runtime.ts";

const DOCUMENTATION = `/usr/share/doc/${PACKAGE}`;
const BEST_COMPRESSION = { level: 9 };

/**
 * Makes in `tree` all that a package brings, as it will be below /: what `efs-utils install` installs, with a node of
 * its own, the gate for containers, and the documentation that packages have.
 *
 * @param scratch a directory for what is made on the way
 * @param date the time of every file, in seconds since 1970
 */
export async function makeTree(tree: string, scratch: string, runtime: Runtime, date: number): Promise<void> {
  const built = join(scratch, "dist");
  await execa(process.execPath, [join(ROOT, "scripts/build.mjs"), built]);
  await putRuntime(join(tree, RUNTIME), runtime);
  await install({ built, root: tree, node: RUNTIME, layout: PACKAGE_LAYOUT, say: () => {} });
  for (const { path } of PACKAGE_LAYOUT.manPages) compress(join(tree, path));
  putGate(join(tree, CONTAINER_GATE));
  putDocumentation(join(tree, DOCUMENTATION), runtime);
  for (const { path } of entries(tree)) lutimesSync(join(tree, path), date, date);
}

/** The node without its symbols, which are a seventh of it and nobody needs to run it. */
async function putRuntime(target: string, { program }: Runtime): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  await execa("strip", ["-o", target, program]);
  chmodSync(target, 0o755);
}

function putGate(target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(ROOT, "packaging/container/mount.efs"), target);
  chmodSync(target, 0o755);
}

function putDocumentation(folder: string, { name, version, licence }: Runtime): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "copyright"),
    `${readFileSync(join(ROOT, "LICENSE"), "utf8")}
The programs hold parts of other packages: see THIRD-PARTY-LICENSES here.
The node that runs them (${name} ${version}) has a licence of its own: see NODE-LICENSE.gz here.
`,
  );
  symlinkSync(`${LIBRARY}/THIRD-PARTY-LICENSES`, join(folder, "THIRD-PARTY-LICENSES"));
  copyFileSync(licence, join(folder, "NODE-LICENSE"));
  copyFileSync(join(ROOT, "CHANGELOG.md"), join(folder, "changelog"));
  for (const text of ["NODE-LICENSE", "changelog"]) compress(join(folder, text));
}

/** Makes FILE.gz of FILE; node writes no time into it. */
function compress(file: string): void {
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), BEST_COMPRESSION), { mode: 0o644 });
  rmSync(file);
}

export interface Entry {
  /** As it will be on the machine. */
  readonly path: string;
  readonly kind: "directory" | "file" | "link";
}

/** All that is in a tree, sorted, a directory before what is in it. */
export function entries(tree: string, below = "/"): Entry[] {
  return readdirSync(join(tree, below), { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry): Entry[] => {
      const path = join(below, entry.name);
      if (entry.isDirectory()) return [{ path, kind: "directory" }, ...entries(tree, path)];
      return [{ path, kind: entry.isSymbolicLink() ? "link" : "file" }];
    });
}

/** What an administrator may change, and packages keep: the files below /etc without the authorities, which are replaced. */
export function configurationFiles(tree: string): string[] {
  return entries(tree, "/etc")
    .filter(({ path, kind }) => kind === "file" && path !== CA_BUNDLE.path)
    .map(({ path }) => path);
}
