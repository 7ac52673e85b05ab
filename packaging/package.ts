/**
 * `npm run package [-- [--arch x64|arm64] DIRECTORY]` makes a .deb and an .rpm in DIRECTORY, which is out/packages by
 * default, for machines of this or that kind. The same sources make the same bytes, wherever and whenever; but code
 * caches are made by the node that is packaged, and machines of another kind cannot run it: they leave them out.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { architecture, type Material, ROOT, sourceDate } from "./about.ts";
import { makeDeb } from "./deb.ts";
import { makeRpm } from "./rpm.ts";
import { fetchRuntime } from "./runtime.ts";
import { makeTree } from "./tree.ts";

/** Makes both packages; resolves with their files. */
export async function makePackages(target: string, kind = architecture()): Promise<string[]> {
  process.umask(0o022);
  const [date, runtime] = await Promise.all([sourceDate(), fetchRuntime(kind)]);
  const scratch = mkdtempSync(join(tmpdir(), "efs-package-"));
  try {
    const material: Material = { tree: join(scratch, "tree"), architecture: kind, date };
    await makeTree(material, scratch, runtime);
    mkdirSync(target, { recursive: true });
    return await Promise.all([makeDeb, makeRpm].map((make) => make(material, scratch, target)));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { arch: { type: "string" } },
    allowPositionals: true,
  });
  const target = resolve(positionals[0] ?? join(ROOT, "out/packages"));
  for (const file of await makePackages(target, architecture(values.arch))) console.log(file);
}
