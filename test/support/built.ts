import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

/** A directory for a test, which removes it afterwards. */
export function temporaryDirectory() {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "efs-test-")));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Builds the programs, as their sources are now, into a directory; scripts/unit.mjs has built them for all files. */
export function buildInto(directory: string): void {
  const built = process.env.EFS_TEST_BUILT;
  if (built !== undefined) cpSync(built, directory, { recursive: true });
  else execFileSync(process.execPath, [join(CHECKOUT, "scripts/build.mjs"), directory], { stdio: "pipe" });
}

/** Makes what runs of a checkout, bin/ and dist/ as their sources are now, in a directory. */
export function buildCheckout(directory: string): void {
  cpSync(join(CHECKOUT, "bin"), join(directory, "bin"), { recursive: true });
  buildInto(join(directory, "dist"));
}

/** The version of this package. */
export const VERSION: string = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8")).version;
