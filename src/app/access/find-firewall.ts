import { realpathSync } from "node:fs";
import { posix } from "node:path";
import { asEfsError } from "../../core/errors.ts";
import { fileIdentity, isExecutable } from "../../system/executable.ts";
import { makeDirectory, readIfThere, writeAtomically } from "../../system/files.ts";
import { type Firewall, firewall } from "./firewall.ts";

/** In the order in which they are tried: a kernel may know only what an older one of them can set. */
const PROGRAMS = ["nft", "iptables", "iptables-nft", "iptables-legacy"];
const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];
/** How long it is believed that there is none; a module may be loaded, a right be given meanwhile. */
const NONE_LIFE_MS = 600_000;

/** What was found out: the program that works, or why none does. */
interface Finding {
  /** Which programs there are, and which files they are. */
  readonly installed: string;
  readonly program: string | undefined;
  readonly why: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface FirewallSearch {
  /** The file that remembers what was found; undefined always tries. */
  readonly cache?: string | undefined;
  /** Whether the file is written as well. What a sandboxed process may not do, others may. */
  readonly remembers?: boolean;
  /** Whether they are tried whatever was remembered. */
  readonly again?: boolean;
}

/** What came of a search. */
export interface FoundFirewall {
  /** Undefined where no program works. */
  readonly firewall: Firewall | undefined;
  /** Why none does. */
  readonly why: string;
  /** Whether they were tried now, and not remembered. */
  readonly isNew: boolean;
}

/**
 * Finds the program with which the packet filter can be changed: tried once, and remembered as long as the installed
 * programs are the same files.
 */
export async function findFirewall(
  networkNamespace: string | undefined,
  { cache, remembers = false, again = false }: FirewallSearch = {},
): Promise<FoundFirewall> {
  const programs = installedPrograms();
  const installed = programs.map(fileIdentity).join("\n");
  const known = cache === undefined || again ? undefined : recall(cache, installed, programs);
  const { program, why } = known ?? (await tryEach(programs, networkNamespace));
  const isNew = known === undefined;
  if (isNew && cache !== undefined && remembers) remember(cache, { installed, program, why, at: Date.now() });
  return { firewall: program === undefined ? undefined : firewall(program, networkNamespace), why, isNew };
}

async function tryEach(
  programs: readonly string[],
  networkNamespace: string | undefined,
): Promise<Pick<Finding, "program" | "why">> {
  const failures: string[] = [];
  for (const program of programs) {
    try {
      await firewall(program, networkNamespace).test();
      return { program, why: "" };
    } catch (error) {
      failures.push(asEfsError(error).message);
    }
  }
  const why = failures.length === 0 ? "neither nft nor iptables is installed" : failures.join("; ");
  return { program: undefined, why };
}

/** Each program once: iptables is mostly another name of one of those that follow. */
function installedPrograms(): string[] {
  const found = PROGRAMS.flatMap(
    (name) => DIRECTORIES.map((directory) => `${directory}/${name}`).find(isExecutable) ?? [],
  );
  const files = found.map((program) => realpathSync(program));
  return found.filter((_, index) => files.indexOf(files[index] ?? "") === index);
}

function recall(cache: string, installed: string, programs: readonly string[]): Finding | undefined {
  try {
    const saved = JSON.parse(readIfThere(cache) ?? "{}") as Partial<Finding>;
    const { program, why, at } = saved;
    if (saved.installed !== installed || typeof why !== "string" || typeof at !== "number") return undefined;
    if (program !== undefined)
      return programs.includes(program) ? { installed, program, why, at } : undefined;
    const age = Date.now() - at;
    return age >= 0 && age < NONE_LIFE_MS ? { installed, program: undefined, why, at } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes down what was found. */
function remember(cache: string, found: Finding): void {
  try {
    makeDirectory(posix.dirname(cache), 0o755);
    writeAtomically(cache, JSON.stringify(found), 0o644);
  } catch {
    // it is tried again next time
  }
}
