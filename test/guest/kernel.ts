/** The kernels of guests: user-mode-linux of Debian's suites, each a program of this machine. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Suite, suiteRoot } from "../stunnels/suites.ts";
import { CACHE } from "./packages.ts";

/**
 * From 6.16 on, user-mode-linux holds system calls by seccomp, not ptrace, and processes start in half the time. But it
 * has no packet filter: nf_tables is without the families of IP, and the older tables are gone.
 */
const SUITES = { fast: "sid", filtering: "trixie" } as const satisfies Record<string, Suite>;

export type KernelKind = keyof typeof SUITES;

export interface Kernel {
  readonly program: string;
  /** A folder for each version of it. */
  readonly modules: string;
  /** A library to be loaded before it. */
  readonly preload: string | undefined;
}

/**
 * Makes sure that a kernel is there. It runs with its suite's C library, which is written into a copy of it, because it
 * starts itself once more.
 */
export async function ensureKernel(
  kind: KernelKind,
  say: (line: string) => void = () => {},
): Promise<Kernel> {
  const root = await suiteRoot(SUITES[kind], ["user-mode-linux", "libc6"], say);
  const program = join(root, "usr/bin/linux.uml.here");
  if (!existsSync(program)) {
    const fresh = `${program}.${process.pid}`;
    copyFileSync(join(root, "usr/bin/linux.uml"), fresh);
    const libraries = join(root, "usr/lib/x86_64-linux-gnu");
    const loader = join(libraries, "ld-linux-x86-64.so.2");
    runHere("patchelf", "--set-interpreter", loader, "--set-rpath", libraries, fresh);
    renameSync(fresh, program);
  }
  const preload = kind === "filtering" && hasTileRegisters() ? registers() : undefined;
  return { program, modules: join(root, "usr/lib/uml/modules"), preload };
}

function hasTileRegisters(): boolean {
  return /^flags\b.* amx_tile\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
}

/** registers.c, compiled: without it a kernel that uses ptrace may start no process where there are tile registers. */
function registers(): string {
  const source = join(import.meta.dirname, "registers.c");
  const library = join(CACHE, "registers.so");
  if (existsSync(library) && statSync(library).mtimeMs > statSync(source).mtimeMs) return library;
  const fresh = `${library}.${process.pid}`;
  runHere("gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", fresh, source);
  renameSync(fresh, library);
  return library;
}

function runHere(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} failed: ${error ?? stderr}`);
}
