import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { architecture, ROOT } from "./about.ts";

const HERE = join(ROOT, "packaging/runtime");
const FETCH_LIMIT_MS = 300_000;

/** The node that packages carry, as its registry package has it. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** The registry's checksum of the package, as the lock has it. */
  readonly integrity: string;
  readonly program: string;
  readonly licence: string;
}

/** What is pinned for a kind of machine. */
export function pinnedRuntime({ node } = architecture()): Runtime {
  const name = `node-linux-${node}`;
  const lock = JSON.parse(readFileSync(join(HERE, "package-lock.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  const folder = join(HERE, "node_modules", name);
  return {
    name,
    version,
    integrity,
    program: join(folder, "bin/node"),
    licence: join(folder, "LICENSE"),
  };
}

/** Sees to it that the pinned node is there; npm fetches it, and checks it against the lock. */
export async function fetchRuntime(kind = architecture()): Promise<Runtime> {
  const runtime = pinnedRuntime(kind);
  if (!isInstalled(runtime)) {
    const machine = ["--os=linux", `--cpu=${kind.node}`];
    const args = ["ci", "--ignore-scripts", "--no-bin-links", "--no-audit", "--no-fund", ...machine];
    await execa("npm", args, { cwd: HERE, timeout: FETCH_LIMIT_MS });
  }
  return runtime;
}

/** npm notes what it has installed, when it is done. */
function isInstalled({ name, version }: Runtime): boolean {
  const note = join(HERE, "node_modules/.package-lock.json");
  if (!existsSync(note)) return false;
  return JSON.parse(readFileSync(note, "utf8")).packages[`node_modules/${name}`]?.version === version;
}
