/** Where the version of this package is written down, beside package.json. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../src/app/install/layout.ts";

/** A heading of CHANGELOG.md: what is to be released, or what was. */
const UNRELEASED = "## Unreleased";
const RELEASED = /^## (\d+\.\d+\.\d+), \d{4}-\d{2}-\d{2}$/m;

/** The line that a manual page's footer is made of: mdoc(7). */
const PAGE_LINE = new RegExp(`^\\.Os ${PACKAGE}(?: (\\S+))?$`, "m");

/** What is not as the version of package.json says, a line each. */
export function otherVersions(root: string): string[] {
  const read = (name: string) => readFileSync(join(root, name), "utf8");
  const { version } = JSON.parse(read("package.json"));
  const lock = JSON.parse(read("package-lock.json"));
  const places: [place: string, found: string | undefined][] = [
    ["package-lock.json", lock.version],
    ["packages[''] of package-lock.json", lock.packages[""].version],
    ...manualPages(root).map((name): [string, string | undefined] => [name, PAGE_LINE.exec(read(name))?.[1]]),
  ];
  return places
    .filter(([, found]) => found !== version)
    .map(([place, found]) => `${place} has ${found ?? "no version"} instead of ${version}`);
}

/** Why CHANGELOG.md is not that of a release of this version; undefined where it is. */
export function unreleasedChanges(changelog: string, version: string): string | undefined {
  const [before = ""] = changelog.split(RELEASED);
  const released = RELEASED.exec(changelog)?.[1];
  if (released !== version)
    return `the newest release in CHANGELOG.md is ${released ?? "none"}, not ${version}`;
  const [, unreleased = ""] = before.split(UNRELEASED);
  return unreleased.trim() === "" ? undefined : `CHANGELOG.md has changes that are in no release`;
}

/** What CHANGELOG.md is when all that is unreleased becomes a release; `day` is the date as in ISO 8601. */
export function releasedChanges(changelog: string, version: string, day: string): string {
  if (!changelog.includes(UNRELEASED)) throw new Error(`CHANGELOG.md has no heading "${UNRELEASED}"`);
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n\n## ${version}, ${day}`);
}

/** Writes the version into every manual page. */
export function setPageVersions(root: string, version: string): void {
  for (const name of manualPages(root)) {
    const file = join(root, name);
    writeFileSync(file, readFileSync(file, "utf8").replace(PAGE_LINE, `.Os ${PACKAGE} ${version}`));
  }
}

function manualPages(root: string): string[] {
  return readdirSync(join(root, "man"))
    .sort()
    .map((name) => join("man", name));
}
