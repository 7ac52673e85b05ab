/** The Debian packages that the guest needs, on this machine. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Package → the files that show that it is there (any one of them). */
const NEEDED: Record<string, string[]> = {
  "user-mode-linux": ["/usr/bin/linux.uml"],
  "busybox-static": ["/usr/bin/busybox", "/bin/busybox"],
  "nfs-common": ["/usr/sbin/mount.nfs4", "/sbin/mount.nfs4"],
  stunnel4: ["/usr/bin/stunnel4"],
  systemd: ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"],
  iproute2: ["/usr/sbin/ip", "/sbin/ip", "/bin/ip"],
  openssl: ["/usr/bin/openssl"],
  iptables: ["/usr/sbin/iptables-legacy"],
  "libnfs-utils": ["/usr/bin/nfs-cat"],
};

/** What compiles registers.c, where it is needed. */
const COMPILER: Record<string, string[]> = {
  gcc: ["/usr/bin/gcc"],
  "libc6-dev": ["/usr/include/elf.h"],
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
  /** A library to be loaded before user-mode-linux. */
  preload: string | undefined;
}

/** Makes sure that everything is there. */
export function ensurePackages(say: (line: string) => void = () => {}): GuestParts {
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
  return { nfsServer: NFS_SERVER, preload: hasTileRegisters() ? ensureRegisters(say) : undefined };
}

function hasTileRegisters(): boolean {
  return /^flags\b.* amx_tile\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
}

/** registers.c, compiled: without it user-mode-linux starts no process on a processor with tile registers. */
function ensureRegisters(say: (line: string) => void): string {
  const source = join(import.meta.dirname, "registers.c");
  const library = join(CACHE, "registers.so");
  if (existsSync(library) && statSync(library).mtimeMs > statSync(source).mtimeMs) return library;
  ensureInstalled(COMPILER, say);
  const fresh = `${library}.${process.pid}`;
  const compiled = spawnSync("gcc", ["-O2", "-Wall", "-shared", "-fPIC", "-o", fresh, source], {
    encoding: "utf8",
  });
  if (compiled.status !== 0) throw new Error(`${source} does not compile: ${compiled.stderr}`);
  renameSync(fresh, library);
  return library;
}
