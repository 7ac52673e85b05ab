/**
 * `npm run release` makes a release of what is committed, in out/release/VERSION: it checks the versions, runs all
 * tests, of which none may be skipped, also those on other systems, and makes the packages, an account of what is in them, and SHA256SUMS. `npm version VERSION` comes before it.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { ABOUT, ROOT, sourceDate } from "./about.ts";
import { makePackages } from "./package.ts";
import { fetchRuntime } from "./runtime.ts";
import { billOfMaterials } from "./sbom.ts";
import { otherVersions, unreleasedChanges } from "./versions.ts";

const TARGET = join(ROOT, "out/release", ABOUT.version);

/** @throws Error with all that has to be put right before a release */
async function checkSources(): Promise<void> {
  const { stdout: changed } = await execa("git", ["status", "--porcelain"], { cwd: ROOT });
  const changes = unreleasedChanges(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), ABOUT.version);
  const problems = [
    ...(changed === "" ? [] : ["there are changes that are not committed"]),
    ...(changes === undefined ? [] : [changes]),
    ...otherVersions(ROOT),
  ];
  if (problems.length > 0) throw new Error(problems.join("; "));
}

/** @throws Error where a package says another version */
async function checkPackages(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const { stdout } = file.endsWith(".deb")
      ? await execa("dpkg-deb", ["--field", file, "Version"])
      : await execa("rpm", ["--query", "--queryformat", "%{VERSION}", "--package", file]);
    if (stdout !== ABOUT.version) throw new Error(`${file} says that it is ${stdout}, not ${ABOUT.version}`);
  }
}

/** As sha256sum(1) writes and checks it. */
function checksums(folder: string): string {
  const sum = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  return readdirSync(folder)
    .sort()
    .map((name) => `${sum(name)}  ${name}\n`)
    .join("");
}

async function release(): Promise<void> {
  await checkSources();
  await execa("npm", ["test", "--", "--no-skips"], { cwd: ROOT, stdio: "inherit" });
  await execa("npm", ["run", "systems"], { cwd: ROOT, stdio: "inherit" });
  rmSync(TARGET, { recursive: true, force: true });
  const packages = await makePackages(TARGET);
  await checkPackages(packages);
  const bom = await billOfMaterials(await fetchRuntime(), await sourceDate());
  writeFileSync(join(TARGET, `${ABOUT.name}-${ABOUT.version}.cdx.json`), bom);
  writeFileSync(join(TARGET, "SHA256SUMS"), checksums(TARGET));
  console.log(`\n${ABOUT.name} ${ABOUT.version}: ${readdirSync(TARGET).join(", ")} in ${TARGET}`);
}

try {
  await release();
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
