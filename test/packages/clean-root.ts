/** A Debian system as it is right after installation, with what our package depends on. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

export const CACHE = join(import.meta.dirname, ".cache");

/** What the package depends on, and what uses the files that it brings. */
const PACKAGES = ["stunnel4", "nfs-common", "util-linux", "logrotate"];

const DEBOOTSTRAP_LIMIT_MS = 1_800_000;

/** A system of this machine's Debian with these packages; nothing may be written there. */
export function cleanRoot(): string {
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
  return bootstrap(`root-${suite}`, suite, [`--include=${PACKAGES.join()}`]);
}

/** A system of Debian without any package that is not required; nothing may be written there. */
export function minimalRoot(suite: string): string {
  return bootstrap(`minimal-${suite}`, suite, []);
}

/** Makes a system once (debootstrap(8)), and answers where it is. */
function bootstrap(name: string, suite: string, options: readonly string[]): string {
  const root = join(CACHE, name);
  if (existsSync(root)) return root;
  const fresh = `${root}.${process.pid}`;
  mkdirSync(CACHE, { recursive: true });
  try {
    const args = ["--variant=minbase", ...options, suite, fresh];
    execFileSync("debootstrap", args, { stdio: "pipe", timeout: DEBOOTSTRAP_LIMIT_MS });
    rmSync(join(fresh, "var/cache/apt"), { recursive: true });
    renameSync(fresh, root);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return root;
}
