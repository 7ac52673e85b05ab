#!/usr/bin/env node
// Makes THIRD-PARTY-LICENSES: the licence of every package of which the built programs hold a part, as
// esbuild accounts for it. `--print` writes it to standard output instead.

import fs from "node:fs";
import path from "node:path";
import { bundled } from "./bundled.mjs";

const ROOT = path.join(import.meta.dirname, "..");
const TARGET = path.join(ROOT, "THIRD-PARTY-LICENSES");
const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;
const RULE = "-".repeat(80);

/** The directories of the packages of which the built programs hold something. */
async function packageDirectories() {
  const files = Object.keys((await bundled()).inputs);
  const directories = files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(directories)].filter((directory) => directory !== undefined).sort();
}

function readPackage(directory) {
  const folder = path.join(ROOT, directory);
  const { name, version, license, repository } = JSON.parse(
    fs.readFileSync(path.join(folder, "package.json"), "utf8"),
  );
  const texts = fs
    .readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => fs.readFileSync(path.join(folder, file), "utf8").replaceAll("\r\n", "\n").trim());
  return { name, version, license, repository: repository?.url ?? repository, text: texts.join("\n\n") };
}

/** The licence; some packages of a repository have no copy of theirs, and then it is that of the others. */
function licenceText({ name, license, repository, text }, all) {
  if (text !== "") return text;
  const other = all.find(
    (one) => one.repository === repository && one.license === license && one.text !== "",
  );
  if (other === undefined) throw new Error(`${name} has no licence file`);
  return other.text;
}

function entryText(one, all) {
  const { name, version, license } = one;
  return {
    title: `${name} ${version} (${license.replace(/^\((.*)\)$/, "$1")})`,
    text: licenceText(one, all),
  };
}

const packages = (await packageDirectories()).map(readPackage);
/** Titles by text: many packages have the very same one. */
const titles = new Map();
for (const one of packages) {
  const { title, text } = entryText(one, packages);
  titles.set(text, [...(titles.get(text) ?? []), title]);
}
const text = [
  "The built programs hold parts of the packages below, each under its own licence.\n",
  ...[...titles].map(([licence, names]) => `${RULE}\n${names.join("\n")}\n\n${licence}\n`),
].join("\n");

if (process.argv.includes("--print")) process.stdout.write(text);
else fs.writeFileSync(TARGET, text);
