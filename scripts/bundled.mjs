#!/usr/bin/env node
// What the built programs hold: esbuild's accounts of them in one, without the files of which nothing is left.
// As a program it prints that, a metafile of esbuild's.

import { fileURLToPath } from "node:url";
import { bundle, entryPoints } from "./build.mjs";

export async function bundled() {
  const metafiles = (await Promise.all(entryPoints().map(bundle))).map(({ metafile }) => metafile);
  const outputs = Object.assign({}, ...metafiles.map((metafile) => metafile.outputs));
  const parts = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const used = new Set(parts.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file));
  const inputs = metafiles.flatMap((metafile) => Object.entries(metafile.inputs));
  return { inputs: Object.fromEntries(inputs.filter(([file]) => used.has(file))), outputs };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await bundled()));
}
