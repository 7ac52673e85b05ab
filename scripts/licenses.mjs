#!/usr/bin/env node
// Makes THIRD-PARTY-LICENSES: the licence of every package of which the built programs hold a part, as
// esbuild accounts for it. `--print` writes it to standard output instead.

import fs from "node:fs";
import path from "node:path";
import { bundle, entryPoints } from "./build.mjs";

const ROOT = path.join(import.meta.dirname, "..");
const TARGET = path.join(ROOT, "THIRD-PARTY-LICENSES");
const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;
const RULE = "-".repeat(80);

/** The directories of the packages that the entry point's output holds something of. */
async function packagesOf(entry) {
  const { metafile } = await bundle(entry);
  return Object.values(metafile.outputs)
    .flatMap((output) => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
    .filter((directory) => directory !== undefined);
}

function entryText(directory) {
  const folder = path.join(ROOT, directory);
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  const files = fs
    .readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .sort();
  if (files.length === 0) throw new Error(`${directory} has no licence file`);
  const texts = files.map((file) => fs.readFileSync(path.join(folder, file), "utf8").trim());
  return `${RULE}\n${name} ${version} (${license.replace(/^\((.*)\)$/, "$1")})\n\n${texts.join("\n\n").replaceAll("\r\n", "\n")}\n`;
}

const directories = new Set();
for (const entry of entryPoints()) for (const found of await packagesOf(entry)) directories.add(found);
const text = [
  "The built programs hold parts of the packages below, each under its own licence.\n",
  ...[...directories].sort().map(entryText),
].join("\n");

if (process.argv.includes("--print")) process.stdout.write(text);
else fs.writeFileSync(TARGET, text);
