/** Which programs the product runs, and which packages of a Debian system they are in. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAMS } from "../../src/app/install/layout.ts";
import { CHECKOUT } from "../support/built.ts";

/** What is used only where it is there: without systemd, and in containers, it is not. */
const OPTIONAL = ["systemctl", "systemd-run", "systemd-notify", "modprobe"];
const LITERAL = /["'](\/(?:usr\/)?s?bin\/[\w.-]+)["']/g;

/** The programs that the sources name by their absolute paths, and need. */
export function programsNeeded(): string[] {
  const sources = join(CHECKOUT, "src");
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const named = files.flatMap((name) =>
    [...readFileSync(join(sources, name), "utf8").matchAll(LITERAL)].map(([, path = ""]) => path),
  );
  const own = Object.values(PROGRAMS);
  return [...new Set(named)].filter(
    (path) => !own.includes(path) && !OPTIONAL.some((one) => path.endsWith(`/${one}`)),
  );
}

/**
 * What of these programs is in no package that is essential or that `depends` (as dpkg has it) names.
 *
 * @param root the root directory of the system
 */
export function undeclared(root: string, programs: readonly string[], depends: string): string[] {
  const declared = depends.split(", ").map((one) => one.split(" ")[0] ?? "");
  return programs.filter((path) => {
    const owner = ownerOf(root, path);
    return owner === undefined || !(declared.includes(owner) || isEssential(root, owner));
  });
}

/** /bin is /usr/bin on all systems, and packages know their files by either. */
function ownerOf(root: string, path: string): string | undefined {
  const short = path.replace(/^\/usr/, "");
  for (const known of [path, short, `/usr${short}`]) {
    const [owner] = query(root, "--search", known).split(":");
    if (owner !== undefined && owner !== "") return owner;
  }
  return undefined;
}

function isEssential(root: string, name: string): boolean {
  return /^Essential: yes$/m.test(query(root, "--status", name));
}

function query(root: string, ...args: string[]): string {
  return spawnSync("dpkg-query", [`--admindir=${root}/var/lib/dpkg`, ...args], { encoding: "utf8" }).stdout;
}
