import fs from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "corpus");

/** The names of a target's cases: inputs that broke its parser once. */
export function caseNames(target: string): string[] {
  const directory = path.join(ROOT, target);
  return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
}

export function readCase(target: string, name: string): Buffer {
  return fs.readFileSync(path.join(ROOT, target, name));
}

export function corpus(target: string): Buffer[] {
  return caseNames(target).map((name) => readCase(target, name));
}
