/** Packages of two versions, made from copies of the sources. */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CHECKOUT } from "../support/built.ts";

/** What is in a checkout but does not go into packages. */
const OTHERS = new Set([".git", "node_modules", "dist", "out", "test"]);
const MODULES = ["node_modules", "packaging/runtime/node_modules"];
const BUILD_LIMIT_MS = 400_000;
const DATE = "1700000000";

export interface Packages {
  readonly deb: string;
  readonly rpm: string;
}

/** The kind of machine that this is not, as node calls it. */
export const OTHER_KIND = process.arch === "arm64" ? "x64" : "arm64";
export const NEXT_VERSION = "99.0.0";
export const NEXT_CONFIG_LINE = "# a line of the next version";

export class Versions {
  /** The sources as they are. */
  readonly this: Packages;
  /** The same, made elsewhere by somebody else. */
  readonly again: Packages;
  /** What is said of a release of sources that were just changed. */
  readonly refused: string;
  /** What came of a release whose tests fail as those do of which some are skipped. */
  readonly untested: { readonly status: number | null; readonly made: boolean };
  /** Where the release of a later version is, whose configuration file has one more line. */
  readonly release: string;
  /** Its packages. */
  readonly next: Packages;
  /** The same, made for the other kind of machine. */
  readonly other: Packages;

  /** Makes all of them in a folder. */
  constructor(folder: string) {
    this.this = makePackages(CHECKOUT, join(folder, "this"));
    const copy = join(folder, "a copy of the sources");
    const filter = (path: string) => !OTHERS.has(basename(path));
    for (const name of readdirSync(CHECKOUT).filter(filter)) {
      cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true, filter });
    }
    for (const modules of MODULES) {
      execFileSync("cp", ["--archive", "--link", join(CHECKOUT, modules), join(copy, modules)]);
    }
    this.again = makePackages(copy, join(folder, "again"), { TZ: "Asia/Tokyo", LC_ALL: "C" });
    this.refused = refusedRelease(copy);
    appendFileSync(join(copy, "config/efs-utils.conf"), `${NEXT_CONFIG_LINE}\n`);
    setVersion(copy);
    const { status } = tryRelease(copy, { SOME_ARE_SKIPPED: "yes" });
    this.untested = { status, made: existsSync(join(copy, "out")) };
    this.release = makeRelease(copy);
    this.next = packagesIn(this.release);
    this.other = makePackages(copy, join(folder, "other"), {}, ["--arch", OTHER_KIND]);
  }
}

const ENVIRONMENT = {
  ...process.env,
  SOURCE_DATE_EPOCH: DATE,
  GIT_AUTHOR_NAME: "somebody",
  GIT_AUTHOR_EMAIL: "somebody@localhost",
  GIT_COMMITTER_NAME: "somebody",
  GIT_COMMITTER_EMAIL: "somebody@localhost",
};

/** Makes the packages of these sources in `target`, as one does. */
export function makePackages(
  sources: string,
  target: string,
  environment: Record<string, string> = {},
  options: readonly string[] = [],
): Packages {
  execFileSync("npm", ["run", "--silent", "package", "--", ...options, target], {
    cwd: sources,
    env: { ...ENVIRONMENT, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: BUILD_LIMIT_MS,
  });
  const others = readdirSync(target).filter((name) => !/\.(deb|rpm)$/.test(name));
  if (others.length > 0) throw new Error(`npm run package made ${others.join(", ")}`);
  return packagesIn(target);
}

function packagesIn(folder: string): Packages {
  const find = (suffix: string) => {
    const [name, ...others] = readdirSync(folder).filter((file) => file.endsWith(suffix));
    if (name === undefined || others.length > 0)
      throw new Error(`${folder} has ${others.length} or no ${suffix}`);
    return join(folder, name);
  };
  return { deb: find(".deb"), rpm: find(".rpm") };
}

/** Tests that need no time. */
const TESTS =
  'process.exitCode = process.env.SOME_ARE_SKIPPED && process.argv.includes("--no-skips") ? 1 : 0';

/** Makes the sources a repository whose tests need no time, and tries a release while a change is in no version. */
function refusedRelease(sources: string): string {
  const file = join(sources, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  manifest.scripts.test = `node -e '${TESTS}' --`;
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  const changes = join(sources, "CHANGELOG.md");
  // where these sources are a release, there is none yet
  const text = readFileSync(changes, "utf8").replace("## Unreleased\n", "$&\n- A change.\n");
  writeFileSync(changes, text);
  execFileSync("git", ["init", "--quiet"], { cwd: sources });
  const { status, stderr } = tryRelease(sources);
  if (status === 0) throw new Error("a release of changes that are in no version was made");
  return stderr;
}

function tryRelease(sources: string, environment: Record<string, string> = {}) {
  return spawnSync("npm", ["run", "--silent", "release"], {
    cwd: sources,
    env: { ...ENVIRONMENT, ...environment },
    encoding: "utf8",
    timeout: BUILD_LIMIT_MS,
  });
}

/** Gives the sources a later version, as one does before a release. */
function setVersion(sources: string): void {
  const options = { cwd: sources, env: ENVIRONMENT, stdio: "pipe", timeout: BUILD_LIMIT_MS } as const;
  execFileSync("git", ["add", "--all"], options);
  execFileSync("git", ["commit", "--quiet", "--message", "as it is"], options);
  execFileSync("npm", ["version", NEXT_VERSION], options);
}

/** Makes a release; where it is. */
function makeRelease(sources: string): string {
  const { status, stderr } = tryRelease(sources);
  if (status !== 0) throw new Error(`no release was made: ${stderr}`);
  return join(sources, "out/release", NEXT_VERSION);
}
