/** Packages of two versions, made from copies of the sources. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { CHECKOUT } from "../bin/built.ts";
import { CACHE } from "./clean-root.ts";

/** What is in a checkout but does not go into packages. */
const OTHERS = new Set([".git", "node_modules", "dist", "out", "test"]);
const MODULES = ["node_modules", "packaging/runtime/node_modules"];
const BUILD_LIMIT_MS = 400_000;
const DATE = "1700000000";

export interface Packages {
  readonly deb: string;
  readonly rpm: string;
}

export const NEXT_VERSION = "99.0.0";
export const NEXT_CONFIG_LINE = "# a line of the next version";

export class Versions {
  readonly folder: string;
  /** The sources as they are. */
  readonly this: Packages;
  /** The same, made elsewhere by somebody else. */
  readonly again: Packages;
  /** A later version, whose configuration file has one more line. */
  readonly next: Packages;

  constructor() {
    mkdirSync(CACHE, { recursive: true });
    this.folder = mkdtempSync(join(CACHE, "versions-"));
    this.this = makePackages(CHECKOUT, join(this.folder, "this"));
    const copy = join(this.folder, "a copy of the sources");
    const filter = (path: string) => !OTHERS.has(basename(path));
    for (const name of readdirSync(CHECKOUT).filter(filter)) {
      cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true, filter });
    }
    for (const modules of MODULES) {
      execFileSync("cp", ["--archive", "--link", join(CHECKOUT, modules), join(copy, modules)]);
    }
    this.again = makePackages(copy, join(this.folder, "again"), { TZ: "Asia/Tokyo", LC_ALL: "C" });
    const manifest = JSON.parse(readFileSync(join(copy, "package.json"), "utf8"));
    writeFileSync(join(copy, "package.json"), JSON.stringify({ ...manifest, version: NEXT_VERSION }));
    appendFileSync(join(copy, "config/efs-utils.conf"), `${NEXT_CONFIG_LINE}\n`);
    this.next = makePackages(copy, join(this.folder, "next"));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function makePackages(sources: string, target: string, environment: Record<string, string> = {}): Packages {
  execFileSync("npm", ["run", "--silent", "package", "--", target], {
    cwd: sources,
    env: { ...process.env, ...environment, SOURCE_DATE_EPOCH: DATE },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: BUILD_LIMIT_MS,
  });
  const names = readdirSync(target).sort();
  const [rpm, deb, ...others] = names.map((name) => join(target, name));
  if (!rpm?.endsWith(".rpm") || !deb?.endsWith(".deb") || others.length > 0) {
    throw new Error(`npm run package made ${names.join(", ")}`);
  }
  return { deb, rpm };
}
