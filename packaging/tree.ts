import { chmodSync, copyFileSync, lutimesSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { install } from "../src/app/install/install.ts";
import { CA_BUNDLE, CONTAINER_GATE, PACKAGE_LAYOUT, RUNTIME } from "../src/app/install/layout.ts";
import { type Material, ROOT } from "./about.ts";
import { compress, DOCUMENTATION, putDocumentation } from "./documentation.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Makes the tree of a package: what `efs-utils install` installs, with a node of its own, the gate for containers, and
 * the documentation that packages have.
 *
 * @param scratch a directory for what is made on the way
 */
export async function makeTree(
  { tree, architecture, date }: Material,
  scratch: string,
  runtime: Runtime,
): Promise<void> {
  const foreign = architecture.node !== process.arch;
  const built = join(scratch, "dist");
  await execa(process.execPath, [join(ROOT, "scripts/build.mjs"), built]);
  await putRuntime(join(tree, RUNTIME), runtime, foreign ? architecture.strip : "strip");
  await install({ built, root: tree, node: RUNTIME, foreign, layout: PACKAGE_LAYOUT, say: () => {} });
  for (const { path } of PACKAGE_LAYOUT.manPages) compress(join(tree, path));
  putGate(join(tree, CONTAINER_GATE));
  putDocumentation(join(tree, DOCUMENTATION), runtime);
  for (const { path } of entries(tree)) lutimesSync(join(tree, path), date, date);
}

/** The node without its symbols, which are a seventh of it and nobody needs to run it. */
async function putRuntime(target: string, { program }: Runtime, strip: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  await execa(strip, ["-o", target, program]);
  chmodSync(target, 0o755);
}

function putGate(target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(ROOT, "packaging/container/mount.efs"), target);
  chmodSync(target, 0o755);
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
