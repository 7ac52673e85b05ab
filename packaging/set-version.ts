/** Run by `npm version VERSION`, when package.json has it: the changes become that version's, and the manual pages follow. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ABOUT, ROOT } from "./about.ts";
import { releasedChanges, setPageVersions } from "./versions.ts";

const file = join(ROOT, "CHANGELOG.md");
const today = new Date().toISOString().slice(0, 10);
writeFileSync(file, releasedChanges(readFileSync(file, "utf8"), ABOUT.version, today));
setPageVersions(ROOT, ABOUT.version);
