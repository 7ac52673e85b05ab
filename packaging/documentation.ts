import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { LIBRARY, PACKAGE } from "../src/app/install/layout.ts";
import { ROOT } from "./about.ts";
import type { Runtime } from "./runtime.ts";

/** Where packages have their documentation. */
export const DOCUMENTATION = `/usr/share/doc/${PACKAGE}`;

/** What has changed, version by version. */
export const CHANGES = `${DOCUMENTATION}/changelog.gz`;

const BEST_COMPRESSION = { level: 9 };

/** Pages of the checkout that packages have, compressed as Debian has it. */
const PAGES = [
  "README.md",
  "docs/decisions.md",
  "docs/encryption.md",
  "docs/json.md",
  "docs/kubernetes.md",
  "docs/metrics.md",
];

/** What is there because a program names it, and is linked to. */
const LINKED = ["runbook.md", "THIRD-PARTY-LICENSES"];

/** Where what pages lead to is in a package: in the documentation, or by its path. */
const PLACES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(PAGES.map((page) => [page, `${basename(page)}.gz`])),
  "CHANGELOG.md": "changelog.gz",
  "config/efs-utils.conf": `${LIBRARY}/efs-utils.conf`,
  "docs/runbook.md": "runbook.md",
  LICENSE: "copyright",
  "THIRD-PARTY-LICENSES": "THIRD-PARTY-LICENSES",
};

/** Writes all of it into `folder`. */
export function putDocumentation(folder: string, { name, version, licence }: Runtime): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "copyright"),
    `${readFileSync(join(ROOT, "LICENSE"), "utf8")}
The programs hold parts of other packages: see THIRD-PARTY-LICENSES here.
The node that runs them (${name} ${version}) has a licence of its own: see NODE-LICENSE.gz here.
`,
  );
  for (const linked of LINKED) symlinkSync(`${LIBRARY}/${linked}`, join(folder, linked));
  copyFileSync(licence, join(folder, "NODE-LICENSE"));
  copyFileSync(join(ROOT, "CHANGELOG.md"), join(folder, "changelog"));
  for (const page of PAGES) {
    writeFileSync(join(folder, basename(page)), relinked(readFileSync(join(ROOT, page), "utf8"), page));
  }
  for (const text of ["NODE-LICENSE", "changelog", ...PAGES]) compress(join(folder, basename(text)));
}

/** A page of the checkout whose links lead to what a package has; what it does not have is named without a link. */
export function relinked(text: string, page: string): string {
  return text.replace(/\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)/g, (link, words, target, anchor = "") => {
    if (/^\w+:/.test(target)) return link;
    const place = PLACES[join(dirname(page), target)];
    return place === undefined ? `${words} (in the sources)` : `[${words}](${place}${anchor})`;
  });
}

/** Makes FILE.gz of FILE; node writes no time into it. */
export function compress(file: string): void {
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), BEST_COMPRESSION), { mode: 0o644 });
  rmSync(file);
}
