/** Roots of Debian's suites, made once a machine and kept: what tests of whole systems run in or lay an overlay on. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where roots are kept, for each checkout of this machine. */
const CACHE = "/var/cache/amazon-efs-mount-helper-tests";
const DEBOOTSTRAP_LIMIT_MS = 1_800_000;
const DISTRIBUTION = "Debian";

/** Debian's suites that tests run in. */
export type Suite = "bullseye" | "bookworm" | "trixie" | "sid";

/**
 * The root directory of a minimal system of a suite with these packages, and with what they depend on. It is made by
 * debootstrap(8) from the archive that this machine's apt uses, the first time that a machine is asked for it, in one
 * to two minutes; nothing may be written there. The caller has to be root.
 *
 * @throws Error with the end of debootstrap's output, where it fails
 */
export function systemRoot(suite: Suite, packages: readonly string[]): string {
  const include = [...new Set(packages)].sort().join();
  const name = `${suite}-${createHash("sha256").update(include).digest("hex").slice(0, 12)}`;
  const root = join(CACHE, name);
  if (existsSync(root)) return root;
  const fresh = `${root}.${process.pid}`;
  mkdirSync(CACHE, { recursive: true });
  try {
    bootstrap(suite, include, fresh);
    // no program of a package starts a service there
    writeFileSync(join(fresh, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    rmSync(join(fresh, "var/cache/apt"), { recursive: true });
    // another test may have made it meanwhile
    if (!existsSync(root)) renameSync(fresh, root);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return root;
}

function bootstrap(suite: Suite, include: string, directory: string): void {
  const options = ["--variant=minbase", ...(include === "" ? [] : [`--include=${include}`])];
  const { status, stdout, stderr, error } = spawnSync(
    "debootstrap",
    [...options, suite, directory, archive()],
    { encoding: "utf8", timeout: DEBOOTSTRAP_LIMIT_MS },
  );
  if (status === 0) return;
  const said = `${stdout}${stderr}`.trim().split("\n").slice(-20).join("\n");
  throw new Error(`debootstrap of ${suite} failed (${error?.message ?? `status ${status}`}):\n${said}`);
}

/** The address of Debian's archive that this machine's apt has its packages from. */
export function archive(): string {
  const format = ["--format", "$(REPO_URI)", "Created-By: Packages", `Origin: ${DISTRIBUTION}`];
  const text = execFileSync("apt-get", ["indextargets", ...format, "Label: Debian"], { encoding: "utf8" });
  const [address] = text.split("\n");
  if (address === undefined || address === "") throw new Error("apt knows no archive of Debian");
  return address;
}
