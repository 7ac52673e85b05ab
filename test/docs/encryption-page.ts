import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../support/built.ts";

/** What docs/encryption.md shows of a command of ours, and what that prints according to it. */
export interface Shown {
  readonly args: readonly string[];
  readonly output: string;
}

export function shownInPage(): Shown[] {
  const page = readFileSync(join(CHECKOUT, "docs/encryption.md"), "utf8");
  return [...page.matchAll(/^```\n\$ efs-utils ([^\n]+)\n([\s\S]*?)^```$/gm)].map(
    ([, words = "", output = ""]) => ({
      args: words.split(" "),
      output,
    }),
  );
}

/** Every call of efs-utils on the page, also in its text. */
export function calledInPage(): string[][] {
  const page = readFileSync(join(CHECKOUT, "docs/encryption.md"), "utf8");
  return [...page.matchAll(/(?:^\$ |^ +|`)efs-utils ([a-z][^`\n>]*)/gm)].map(([, words = ""]) =>
    words.trim().split(" "),
  );
}
