/** The Debian packages that the guest needs, on this machine. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Package → the files that show that it is there (any one of them). */
const NEEDED: Record<string, string[]> = {
  patchelf: ["/usr/bin/patchelf"],
  gcc: ["/usr/bin/gcc"],
  "libc6-dev": ["/usr/include/elf.h"],
  "busybox-static": ["/usr/bin/busybox", "/bin/busybox"],
  "nfs-common": ["/usr/sbin/mount.nfs4", "/sbin/mount.nfs4"],
  stunnel4: ["/usr/bin/stunnel4"],
  systemd: ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"],
  iproute2: ["/usr/sbin/ip", "/sbin/ip", "/bin/ip"],
  openssl: ["/usr/bin/openssl"],
  iptables: ["/usr/sbin/iptables-legacy"],
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

/**
 * Makes sure that everything is there.
 *
 * @returns where the NFS server's programs are
 */
export function ensurePackages(say: (line: string) => void = () => {}): string {
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
  return NFS_SERVER;
}
