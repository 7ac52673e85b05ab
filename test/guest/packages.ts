/** The Debian packages that the guest needs, on this machine, and its kernel. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suiteRoot } from "../stunnels/suites.ts";

/** Package → the files that show that it is there (any one of them). */
const NEEDED: Record<string, string[]> = {
  patchelf: ["/usr/bin/patchelf"],
  "busybox-static": ["/usr/bin/busybox", "/bin/busybox"],
  "nfs-common": ["/usr/sbin/mount.nfs4", "/sbin/mount.nfs4"],
  stunnel4: ["/usr/bin/stunnel4"],
  systemd: ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"],
  iproute2: ["/usr/sbin/ip", "/sbin/ip", "/bin/ip"],
  openssl: ["/usr/bin/openssl"],
  nftables: ["/usr/sbin/nft"],
  "libnfs-utils": ["/usr/bin/nfs-cat"],
};

export const CACHE = join(import.meta.dirname, ".cache");
/** nfs-kernel-server is only unpacked: installed, it would start on this machine. */
const NFS_SERVER = join(CACHE, "nfs-kernel-server");

function apt(args: string[], cwd?: string): { ok: boolean; output: string } {
  const sudo = process.getuid?.() === 0 ? [] : ["sudo"];
  const [program, ...rest] = [...sudo, "apt-get", ...args] as [string, ...string[]];
  // RUNLEVEL=1: invoke-rc.d starts no service that the package brings along.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const done = spawnSync(program, rest, { cwd, env, encoding: "utf8", timeout: 600_000 });
  return { ok: done.status === 0, output: `${done.stdout ?? ""}${done.stderr ?? ""}${done.error ?? ""}` };
}

/** Runs an apt-get command; where it fails, once more with fresh package lists. */
function aptWithLists(args: string[], cwd?: string): void {
  if (apt(args, cwd).ok) return;
  const update = apt(["update"]);
  const again = apt(args, cwd);
  if (!again.ok)
    throw new Error(`apt-get ${args.join(" ")} failed:\n${update.ok ? "" : update.output}${again.output}`);
}

/** Makes sure that the packages are installed. */
function ensureInstalled(packages: Record<string, string[]>, say: (line: string) => void): void {
  const missing = Object.entries(packages)
    .filter(([, files]) => !files.some((file) => existsSync(file)))
    .map(([name]) => name);
  if (missing.length === 0) return;
  say(`installing ${missing.join(" ")}`);
  aptWithLists(["install", "-y", "--no-install-recommends", ...missing]);
}

export interface GuestParts {
  /** Where the NFS server's programs are. */
  nfsServer: string;
  /** The kernel: a program of this machine. */
  kernel: string;
  /** A folder for each version of it. */
  modules: string;
}

/** Makes sure that everything is there. */
export async function ensurePackages(say: (line: string) => void = () => {}): Promise<GuestParts> {
  ensureInstalled(NEEDED, say);
  if (!existsSync(join(NFS_SERVER, "usr/sbin/rpc.mountd"))) {
    say("downloading nfs-kernel-server");
    const fresh = `${NFS_SERVER}.${process.pid}`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    aptWithLists(["download", "nfs-kernel-server"], fresh);
    const archive = readdirSync(fresh).find((name) => name.endsWith(".deb"));
    if (archive === undefined) throw new Error("apt-get download nfs-kernel-server left no package");
    const unpacked = spawnSync("dpkg", ["-x", join(fresh, archive), fresh], { encoding: "utf8" });
    if (unpacked.status !== 0) throw new Error(`dpkg -x failed: ${unpacked.stderr}`);
    rmSync(NFS_SERVER, { recursive: true, force: true });
    renameSync(fresh, NFS_SERVER);
  }
  return { nfsServer: NFS_SERVER, ...(await ensureKernel(say)) };
}

/**
 * user-mode-linux of Debian sid: from 6.16 on it holds system calls by seccomp, not ptrace, and processes start in half
 * the time. It runs with sid's C library, which is written into a copy of it, because it starts itself once more.
 */
async function ensureKernel(say: (line: string) => void): Promise<{ kernel: string; modules: string }> {
  const root = await suiteRoot("sid", ["user-mode-linux", "libc6"], say);
  const kernel = join(root, "usr/bin/linux.uml.here");
  if (!existsSync(kernel)) {
    const fresh = `${kernel}.${process.pid}`;
    copyFileSync(join(root, "usr/bin/linux.uml"), fresh);
    const libraries = join(root, "usr/lib/x86_64-linux-gnu");
    const loader = join(libraries, "ld-linux-x86-64.so.2");
    const words = ["--set-interpreter", loader, "--set-rpath", libraries, fresh];
    const patched = spawnSync("patchelf", words, { encoding: "utf8" });
    if (patched.status !== 0) throw new Error(`patchelf failed: ${patched.error ?? patched.stderr}`);
    renameSync(fresh, kernel);
  }
  return { kernel, modules: join(root, "usr/lib/uml/modules") };
}
