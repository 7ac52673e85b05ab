/**
 * `npm run package [-- DIRECTORY]` makes a .deb and an .rpm for machines of this kind in DIRECTORY, which is
 * out/packages by default. The same sources make the same bytes, wherever and whenever.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, sourceDate } from "./about.ts";
import { makeDeb } from "./deb.ts";
import { makeRpm } from "./rpm.ts";
import { fetchRuntime } from "./runtime.ts";
import { makeTree } from "./tree.ts";

/** Makes both packages; resolves with their files. */
export async function makePackages(target: string): Promise<string[]> {
  process.umask(0o022);
  const [date, runtime] = await Promise.all([sourceDate(), fetchRuntime()]);
  const scratch = mkdtempSync(join(tmpdir(), "efs-package-"));
  try {
    const tree = join(scratch, "tree");
    await makeTree(tree, scratch, runtime, date);
    mkdirSync(target, { recursive: true });
    return await Promise.all([makeDeb, makeRpm].map((make) => make(tree, scratch, target, date)));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = resolve(process.argv[2] ?? join(ROOT, "out/packages"));
  for (const file of await makePackages(target)) console.log(file);
}
